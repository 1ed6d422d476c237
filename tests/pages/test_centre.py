"""A centre's staff at work in the browser, from the registration to the sealed dossier, in an
installation whose clock the test drives; and what strangers and wrong input are told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api.flows import drawing
from archive.actor import Role
from evaluation.seating import service as seating_service
from evaluation.session import service as sessions
from tests.pages.centre import evaluation, intake, seats
from tests.pages.centre.house import House, opened
from tests.pages.looks import sign_in
from tests.support.browser import Pages
from tests.support.databases import Databases

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("centre"), databases.fresh("sqlite")) as made:
        yield made


def test_a_lot_from_its_registration_to_its_dossier(chromium_page: Pages, house: House) -> None:
    chromium_page.allow(r"status of (409|422)")  # what is refused is shown, and asked for below
    page = sign_in(chromium_page, house.url, "staff", "/centre/projects/new")
    intake.register(page, house)
    intake.announce(page, house)
    intake.draw(page, house)
    intake.ask_urgently(house)
    seats.plan(page, house)
    seats.go_wrong(page, house)
    seats.sit_across_the_border(page, house)
    seats.ask_why(page, house)
    seats.keep_accounts(page, house)
    evaluation.open_bids(page, house)
    evaluation.unseal(chromium_page, page, house)
    evaluation.hold_session(page, house)
    evaluation.conclude(page, house)


@pytest.mark.page  # after the story, in its process
def test_strangers_are_refused_and_wrong_input_is_told(house: House) -> None:
    """After the story: the lot has everything that could be shown to somebody who may not see it."""
    lot = house.lot
    with house.office.read() as db:
        session = sessions.session_of_lot(db, lot)
        seats = seating_service.seats_of(db, drawing.current(db, lot).id)
    assert session is not None
    involved = {house.centre, *(seat.centre_id for seat in seats)}
    centres = (c.id for c in house.province.parties.centres)
    house.account("stranger", Role.STAFF, next(c for c in centres if c not in involved))
    stranger, own = house.client("stranger"), house.client("staff-2")
    for step in ("notice", "draw", "opening", "session", "result"):
        path = f"/centre/lots/{lot}/{step}"
        assert (step, stranger.get(path).status_code) == (step, 403)
        assert (step, own.get(path).status_code) == (step, 200)
    assert stranger.get(f"/centre/lots/{lot}").status_code == 403
    assert stranger.get(f"/centre/sessions/{session.id}").status_code == 404
    for path in ("draw", "draw/settlement", "opening", "session", "candidates", "dossier"):
        answer = stranger.post(f"/centre/lots/{lot}/{path}")
        assert (path, answer.status_code) == (path, 403)
    assert TestClient(house.app).get("/centre/day", follow_redirects=False).status_code != 200
    assert "示例道路工程0001" not in stranger.get("/centre/day?day=2026-11-11").text
    assert "示例道路工程0001" not in stranger.get("/centre/seats?day=2026-11-11").text

    assert (
        own.get(f"/centre/lots/{lot}", follow_redirects=False)
        .headers["location"]
        .endswith("/result")
    )
    again = own.post(f"/centre/lots/{lot}/dossier")
    assert (again.status_code, "合同签订、流标或终止后" in again.text) == (409, True)
    acts = f"/centre/sessions/{session.id}/acts"
    assert own.post(acts, data={"command": "Nothing"}).status_code == 422
    sealed = own.post(acts, data={"command": "Seal", "number": "S-0001"}, files={"photo": b"x"})
    assert (sealed.status_code, 'id="refusal"' in sealed.text) == (409, True)
    bad = own.post(
        "/centre/projects",
        data={"lots.0.committee.quotas": "A080302", "lots.0.method.items": "T1", "lot_count": "2"},
    )
    assert bad.status_code == 422
    assert "不是“专业代码 人数”的形式" in bad.text
    assert 'id="f-lots-1-name"' in bad.text
    assert 'id="f-lots-2-name"' in own.get("/centre/projects/new?lots=3").text


@pytest.mark.page
@pytest.mark.parametrize("language", ["zh", "en"])
def test_both_languages_have_all_words(house: House, language: str) -> None:
    client = house.client("staff-2")
    paths = ["/centre/day", "/centre/seats", "/centre/lots", "/centre/projects/new?lots=2"]
    steps = ("notice", "draw", "opening", "session", "result")
    paths += [f"/centre/lots/{house.lot}/{step}" for step in steps]
    with house.office.read() as db:
        paths += [f"/centre/sessions/{s.id}" for s in sessions.sessions(db)]
    for path in paths:
        text = client.get(f"{path}{'&' if '?' in path else '?'}lang={language}").text
        assert "[api." not in text, path
