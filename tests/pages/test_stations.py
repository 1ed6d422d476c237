"""A centre's stations on its pages: tables in and out with a dry run, calibration, maintenance, history;
what is refused is told at its row, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from api.flows import registration as flow
from archive.actor import SYSTEM, Role
from archive.errors import Refusal
from archive.office import Office
from evaluation.venues import service as venues
from evaluation.witness import sources
from tests.builders import STAFF
from tests.evaluation.venues.test_venues import HERE, THERE
from tests.evaluation.witness.night import Device
from tests.scenarios import streaming
from tests.trading.world import World, lot_spec, registration
from trading.projects import service as projects

CENTRE, OTHER = "532901", "530102"
Clients = Callable[..., TestClient]
ROOMS = "centre,overnight,room,equipment,stations\r\n"
HOME = "/centre/stations"
HELD = "/centre/holdings"


def send(client: TestClient, content: str, kind: str = "ROOMS", trial: str = "") -> str:
    data = {"kind": kind, **({"trial": trial} if trial else {})}
    answer = client.post(HOME, data=data, files={"table": ("t.csv", content.encode())})
    assert answer.status_code in (200, 422), answer.text
    return answer.text


def test_tables_calibration_and_maintenance(world: World, signed_in_as: Clients) -> None:
    own, stranger = signed_in_as(Role.STAFF, CENTRE), signed_in_as(Role.STAFF, OTHER)
    assert "还没有登记工位" in own.get(HOME).text
    bad = ROOMS + f"{CENTRE},maybe,A,HUGE,x\r\n{CENTRE},no,B-1,BASIC,100\r\n"
    tried = send(own, bad, trial="yes")
    assert all(code in tried for code in ("HUGE", "maybe", "room", "stations"))
    assert (
        "“maybe” should be yes or no"
        in own.post(
            f"{HOME}?lang=en",
            data={"kind": "ROOMS", "trial": "yes"},
            files={"table": ("t.csv", bad.encode())},
        ).text
    )
    own.get(f"{HOME}?lang=zh")
    refused = send(own, bad)
    assert all(f'number">{row}<' in refused for row in (2, 3))  # each fault at its row
    assert "maybe" in refused
    good = ROOMS + f"{CENTRE},no,A,BASIC,2\r\n"
    assert "将增加 2 个、撤去 0 个工位" in send(own, good, trial="yes")
    assert "还没有登记工位" in own.get(HOME).text
    assert "A-02" in send(own, good)
    assert own.get(f"{HOME}/tables/ROOMS").text.removeprefix("\ufeff") == good
    assert stranger.get(f"{HOME}/{CENTRE}/A-01").status_code == 403
    assert own.get(f"{HOME}/{CENTRE}/Z-09").status_code == 404

    booth = f"{HOME}/{CENTRE}/A-01"
    wrong = own.post(
        f"{booth}/calibration",
        data={"done_on": "2099-01-01", "valid_until": "2098-01-01", "certificate": "JZ-1"},
    )
    assert (wrong.status_code, wrong.text.count("invalid-feedback")) == (422, 2)
    said = {"done_on": "2026-01-05", "valid_until": "2026-01-31", "certificate": "JZ-1"}
    assert "JZ-1" in own.post(f"{booth}/calibration", data=said).text
    assert "校准过期" in own.get(booth).text
    assert "JZ-1" in own.get(f"{HOME}/tables/CALIBRATIONS").text

    (slot, *_) = re.findall(r'<option value="(\d+)"', own.get(booth).text)
    closing = {"first": slot, "last": slot, "reason": "更换摄像头"}
    closed = own.post(f"{booth}/maintenance", data=closing)
    assert (closed.status_code, "更换摄像头" in closed.text) == (200, True)
    end = closed.text.partition("/closures/")[2].split('"')[0]
    assert stranger.post(f"{booth}/closures/{end}").status_code == 403
    assert "维护" in own.post(f"{booth}/closures/{end}").text
    assert own.post(f"{booth}/closures/{end}").status_code == 409
    for language in ("zh", "en"):
        for path in (HOME, booth, "/centre/directory"):
            assert "[api." not in own.get(f"{path}?lang={language}").text


class TestGuests:
    """一对一, 一对多: a lot names its guest centres when it is registered."""

    def test_wrong_names_are_faults_of_the_lot(self, world: World) -> None:
        wrong = registration(lots=(lot_spec(guests=(CENTRE, "999999", "42-0001")),))
        with pytest.raises(Refusal) as refused, world.office.write() as tx:
            flow.register(tx, STAFF, wrong)
        found = {f.pointer: f.code for f in refused.value.faults if "/guests" in f.pointer}
        assert found == {
            "/lots/0/guests/0": "api.flows.guest_is_host",
            "/lots/0/guests/1": "api.flows.guest_unknown",
            "/lots/0/guests/2": "api.flows.guest_unknown",
        }

    def test_the_property_is_shown(self, world: World, signed_in_as: Clients) -> None:
        own = signed_in_as(Role.STAFF, CENTRE)
        for guests, said in (((OTHER,), "一对一"), ((), "一对多 · 全省“大循环”")):
            with world.office.write() as tx:
                named = registration(lots=(lot_spec(guests=guests),))
                lot = projects.register_project(tx, STAFF, named).lots[0]
            assert said in own.get(f"/lots/{lot.id}").text
        assert 'name="lots.0.guests"' in own.get("/centre/projects/new").text


def test_a_booth_out_of_use_stands_on_the_board(world: World, signed_in_as: Clients) -> None:
    own, other = signed_in_as(Role.STAFF, CENTRE), signed_in_as(Role.STAFF, OTHER)
    send(own, ROOMS + f"{CENTRE},no,A,BASIC,2\r\n")
    (slot, *_) = re.findall(r'<option value="(\d+)"', own.get(f"{HOME}/{CENTRE}/A-01").text)
    closing = {"first": slot, "last": slot, "reason": "更换摄像头"}
    own.post(f"{HOME}/{CENTRE}/A-01/maintenance", data=closing)
    today = "/centre/seats?day=2026-10-21"
    board = own.get(today).text
    assert f"{HOME}/{CENTRE}/A-01" in board
    assert "更换摄像头" in board
    assert "更换摄像头" not in other.get(today).text
    assert own.get("/centre/seats?day=9999-12-31").status_code == 422
    for day in ("2026-10-20", "9999-12-31"):
        assert own.post("/centre/seats", data={"day": day}).status_code == 422


class TestHoldings:
    """主场自用, and 跨省 under an agreement (发改办法规〔2025〕807号 三): what is held here is given to no
    guest, and a partner's use stands in the accounts with the published fee."""

    def test_own_and_a_partners_sessions(self, world: World, signed_in_as: Clients) -> None:
        own, other = signed_in_as(Role.STAFF, CENTRE), signed_in_as(Role.STAFF, OTHER)
        send(own, ROOMS + f"{CENTRE},no,A,BASIC,3\r\n")
        today = world.office.clock.now().date()
        there = replace(THERE, agreement_until=today + timedelta(days=1))
        with world.office.write() as tx:
            venues.publish(tx, SYSTEM, [HERE, there])
        page = own.get(HELD).text
        assert there.name in page
        (slot, *_) = re.findall(r'<option value="(\d+)" selected', page.partition("first")[2])
        said = {"equipment": "BASIC", "first": slot, "last": slot, "stations": "1"}
        assert "本中心自用" in own.post(HELD, data=said).text
        partner = {**said, "stations": "2", "partner": there.id}
        nameless = own.post(HELD, data=partner)
        assert (nameless.status_code, "外省场次须填写名称" in nameless.text) == (422, True)
        named = {**partner, "reference": "示例外省项目"}
        late = own.post(HELD, data={**named, "last": str(int(slot) + 9)})
        assert (late.status_code, "没有有效协议" in late.text) == (422, True)
        held = own.post(HELD, data=named)
        assert (held.status_code, "示例外省项目" in held.text) == (200, True)
        assert own.post(HELD, data={**said, "equipment": "X"}).status_code == 422
        full = own.post(HELD, data=said)
        assert (full.status_code, "最多还可占用 0 个工位" in full.text) == (422, True)
        account = own.get("/centre/accounts").text
        assert there.name in account
        assert "241.00" in account, "two seats of half a day at 120.50"
        assert "示例外省项目" not in other.get(HELD).text

        one = held.text.partition(f"{HELD}/")[2].partition("/end")[0]
        assert other.post(f"{HELD}/{one}/end").status_code == 404
        assert "工位已交还" in own.post(f"{HELD}/{one}/end").text
        assert own.post(f"{HELD}/{one}/end").status_code == 409
        for language in ("zh", "en"):
            assert "[api." not in own.get(f"{HELD}?lang={language}").text


class TestRecorders:
    """A venue's own recorder: staff bind the key that they have from the device (rule witness.signed_at_source)."""

    def test_bound_on_a_page_it_reports(self, office: Office, signed_in_as: Clients) -> None:
        streaming.prepare(office)
        own, stranger = signed_in_as(Role.STAFF, CENTRE), signed_in_as(Role.STAFF, "530102")
        page = f"/centre/sessions/{streaming.SESSION}/recorder"
        assert stranger.get(page).status_code == 404
        device = Device("nvr-1", streaming.SESSION, "ED25519")
        asked = {
            "venue": CENTRE,
            "station": "nvr-1",
            "algorithm": "ED25519",
            "key": "AAAA",
            "every": "60",
        }
        wrong = own.post(page, data={**asked, "use": "LATER"})
        assert (wrong.status_code, wrong.text.count("invalid-feedback")) == (422, 1)
        wrong = own.post(page, data={**asked, "station": "two words", "use": "SECURITY"})
        assert (wrong.status_code, wrong.text.count("invalid-feedback")) == (422, 2)
        assert stranger.post(page, data={**asked, "use": "SECURITY"}).status_code == 404
        bound = own.post(page, data={**asked, "key": device.public, "use": "SECURITY"})
        assert "密钥已绑定" in bound.text
        assert sources.StationKey.of("ED25519", device.public).fingerprint in bound.text  # type: ignore[union-attr]
        report = device.report(office.clock.now())
        sent = {"n": 0, "prev": report.prev, "at": report.at, "up": report.up, "kind": report.kind,
                "data": dict(report.data), "sig": report.signature}  # fmt: skip
        home = f"/api/recorders/{streaming.SESSION}/nvr-1"
        assert own.post(f"{home}/reports", json={"reports": [sent]}).json()["next"] == 1
        for language in ("zh", "en"):
            assert "[api." not in own.get(f"{page}?lang={language}").text
