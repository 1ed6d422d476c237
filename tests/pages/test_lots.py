"""A lot's page: who may read it, what it tells, and what nobody can know before the opening."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from archive.actor import Role
from archive.office import Office
from archive.words import Language, catalogue
from tests.builders import CENTRE
from tests.trading.world import FIRMS, OUTSIDER, SUPERVISOR_USCC, TENDERER, World

SignIn = Callable[..., TestClient]


@pytest.fixture
def staff(signed_in_as: SignIn) -> TestClient:
    return signed_in_as(Role.STAFF, CENTRE)


class TestTheList:
    def test_empty_it_says_what_comes_next(self, staff: TestClient) -> None:
        assert "项目受理登记后" in staff.get("/centre/lots").text

    def test_lots_of_the_own_centre_with_words_and_file(
        self, staff: TestClient, signed_in_as: SignIn, world: World
    ) -> None:
        lot_id = world.noticed()
        text = staff.get("/centre/lots").text
        assert f'/lots/{lot_id}"' in text
        assert '<span class="badge code-noticed">公告</span>' in text
        assert "没有符合筛选条件的记录" in staff.get("/centre/lots?stage=AWARDED").text
        file = staff.get("/centre/lots?format=csv&lang=en")
        assert file.headers["content-type"].startswith("text/csv")
        assert "示例标段" in file.text
        other = signed_in_as(Role.STAFF, "530100")
        assert lot_id not in other.get("/centre/lots").text


class TestTheLot:
    def test_facts_dates_and_story(self, staff: TestClient, world: World) -> None:
        lot_id = world.noticed()
        text = staff.get(f"/lots/{lot_id}").text
        assert "¥4,800,000.00" in text
        assert "肆佰捌拾万元整" in text
        assert "2026-11-11 周三 09:00" in text
        assert "发布招标公告:2026-11-11 09:00 开标" in text
        assert "记录连续完整" in text
        assert "trading:" not in text  # every action of this story has its sentence
        assert "[api." not in text
        assert staff.get(f"/fragments/lots/{lot_id}").text.strip()[:1000] in text

    def test_in_english_too(self, staff: TestClient, world: World) -> None:
        text = staff.get(f"/lots/{world.noticed()}?lang=en").text
        assert "The notice was published: opening 2026-11-11 09:00" in text
        assert "The record holds" in text

    def test_who_may_read_it(self, signed_in_as: SignIn, client: TestClient, world: World) -> None:
        path = f"/lots/{world.noticed()}"
        assert client.get(path).status_code == 401
        wanted = {
            (Role.STAFF, CENTRE, ""): 200,
            (Role.STAFF, "530100", ""): 403,
            (Role.SUPERVISOR, "", SUPERVISOR_USCC): 200,
            (Role.TENDERER, "", TENDERER): 200,
            (Role.TENDERER, "", OUTSIDER): 403,
            (Role.BIDDER, "", FIRMS[0]): 403,
            (Role.EXPERT, "", "e1"): 403,
        }
        for (role, centre_id, party_id), status in wanted.items():
            person = signed_in_as(role, centre_id, party_id)
            assert person.get(path).status_code == status, role
            assert person.get(f"/fragments{path}").status_code == status, role
        assert signed_in_as(Role.STAFF, "532900").get("/lots/none").status_code == 404

    def test_before_the_opening_no_page_knows_a_bidder(
        self, staff: TestClient, signed_in_as: SignIn, world: World
    ) -> None:
        """招标投标法 第二十二条: not the names, not the number."""
        lot_id = world.noticed()
        readers = (staff, signed_in_as(Role.SUPERVISOR, "", SUPERVISOR_USCC))
        before = [len(reader.get(f"/lots/{lot_id}").text) for reader in readers]
        world.lodge(world.bid_cell(lot_id, FIRMS[0]), world.bid_cell(lot_id, FIRMS[1]))
        for reader, length in zip(readers, before, strict=True):
            text = reader.get(f"/lots/{lot_id}").text
            assert FIRMS[0] not in text
            assert len(text) == length  # not by one entry more
            assert "投标人的名称、数量均不在任何记录中" in text

    def test_after_the_opening_it_tells_who_bid(self, staff: TestClient, world: World) -> None:
        lot_id = world.opened()
        text = staff.get(f"/lots/{lot_id}").text
        assert "开标结束" in text
        assert "投标人的名称、数量均不在任何记录中" not in text


class TestDocuments:
    def test_what_the_story_names_comes_as_a_download(
        self, staff: TestClient, world: World
    ) -> None:
        lot_id = world.noticed()
        text = staff.get(f"/lots/{lot_id}").text
        start = text.index(f"/lots/{lot_id}/documents/") + len(f"/lots/{lot_id}/documents/")
        sha256 = text[start : start + 64]
        answer = staff.get(f"/lots/{lot_id}/documents/{sha256}")
        assert hashlib.sha256(answer.content).hexdigest() == sha256
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment;")

    def test_nothing_else_comes(
        self, staff: TestClient, signed_in_as: SignIn, world: World, office: Office
    ) -> None:
        lot_id = world.noticed()
        hidden = office.vault.put("secret.txt", "text/plain", b"not of this lot").sha256
        assert staff.get(f"/lots/{lot_id}/documents/{hidden}").status_code == 404
        assert staff.get(f"/lots/{lot_id}/documents/..%2f..%2fx").status_code in (404, 422)
        bidder = signed_in_as(Role.BIDDER, "", FIRMS[0])
        assert bidder.get(f"/lots/{lot_id}/documents/{hidden}").status_code == 403


def test_every_story_has_its_sentence_in_both_languages() -> None:
    zh, en = (catalogue("api", language) for language in Language)
    stories = {code for code in zh if code.startswith("api.page.story.") and code.count(".") == 5}
    assert len(stories) > 80
    assert stories <= set(en)
