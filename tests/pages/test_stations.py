"""A centre's stations on its pages: tables in and out with a dry run, calibration, maintenance, history;
what is refused is told at its row, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.testclient import TestClient

from archive.actor import Role
from tests.trading.world import World

CENTRE, OTHER = "532901", "530102"
Clients = Callable[..., TestClient]
ROOMS = "centre,overnight,room,equipment,stations\r\n"
HOME = "/centre/stations"


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
    assert 'id="refusal"' in refused
    assert "maybe" in refused
    good = ROOMS + f"{CENTRE},no,A,BASIC,2\r\n"
    assert "将增加 2 个工位" in send(own, good, trial="yes")
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
