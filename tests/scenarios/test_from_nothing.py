"""An installation from nothing to its first project, by commands and HTTP alone, as docs/operations.md
("From nothing to the first project") tells its operator. In production: no demo's shortcut is at hand."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from api.cli import main
from evaluation.session.synthetic import method_json
from tests.support.servers import Servers
from trading.calendar.legal import legal_day
from trading.synthetic import synthetic_uscc

PASSWORD = "a password of the installation"
CENTRE = "532901"
OPERATOR, SUPERVISOR, TENDERER, AGENCY = (
    synthetic_uscc(number, CENTRE, kind)
    for number, kind in ((1, "12"), (2, "11"), (3, "12"), (4, "91"))
)
ORGANISATIONS = f"""统一社会信用代码,名称,类别,行政区划代码
{OPERATOR},示例交易中心,交易中心运行机构,{CENTRE}
{SUPERVISOR},示例行政监督局,行政监督部门,{CENTRE}
{TENDERER},示例建设单位,招标人、采购人,{CENTRE}
{AGENCY},示例招标代理有限公司,招标代理机构,{CENTRE}
"""
LINKS = f"""控制方信用代码,被控制方信用代码,关系,起始日期
{TENDERER},{AGENCY},管理关系,2020-01-01
"""
CENTRES = f"""行政区划代码,名称,运行机构信用代码
{CENTRE},示例交易中心,{OPERATOR}
"""
ROOMS = f"""centre,overnight,room,equipment,stations
{CENTRE},yes,A,BASIC,6
"""
ENTRY = (
    "id,name,province,stations,opening,overnight,fee,meals,lodging,way,zones,coverages,"
    "agreement,agreement_from,agreement_until,division,lon,lat\n"
    f"{CENTRE},示例交易中心,53,6,1-7:AM PM NIGHT,yes,60,示例食堂,示例宾馆,示例路1号,,,,,,,,\n"
)
ACCOUNTS = {
    "operator": ("operator",),
    "staff": ("staff", "--centre", CENTRE),
    "supervisor": ("supervisor", "--party", SUPERVISOR),
    "tenderer": ("tenderer", "--party", TENDERER),
}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BIGLOOP_ENVIRONMENT", "production")
    monkeypatch.setenv("BIGLOOP_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("BIGLOOP_DATABASE_URL", raising=False)
    return tmp_path / "data"


@pytest.fixture
def sign_in() -> Callable[[str, str], httpx2.Client]:
    def begin(url: str, account: str) -> httpx2.Client:
        """The cookie is for TLS alone; here the test is the proxy that ends it."""
        body = {"account": account, "password": PASSWORD}
        answer = httpx2.post(f"{url}/api/sign-in", json=body, trust_env=False)
        assert answer.status_code == 200, answer.text
        cookie = answer.headers["set-cookie"].partition(";")[0]
        return httpx2.Client(base_url=url, headers={"Cookie": cookie}, trust_env=False, timeout=30)

    return begin


def test_an_empty_folder_becomes_an_installation_with_a_lot(
    data: Path,
    tmp_path: Path,
    run_server: Servers,
    sign_in: Callable[[str, str], httpx2.Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert main(["migrate"]) == 0
    for name, content in (
        ("organisations", ORGANISATIONS), ("links", LINKS), ("centres", CENTRES),
    ):  # fmt: skip
        file = tmp_path / f"{name}.csv"
        file.write_text(content, "gb18030")
        assert main(["register", name, str(file), "--dry-run"]) == 0, name
        assert main(["register", name, str(file)]) == 0, name
    for account, (role, *more) in ACCOUNTS.items():
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        assert main(["account", "create", account, "--role", role, *more]) == 0, account

    server = run_server(
        "serve",
        env={"BIGLOOP_ENVIRONMENT": "production", "BIGLOOP_DATA": str(data)},
        ready="/health",
    )
    staff = sign_in(server.url, "staff")
    for path, form, content in (
        ("/centre/stations", {"kind": "ROOMS"}, ROOMS), ("/centre/directory", {}, ENTRY),
    ):  # fmt: skip
        answer = staff.post(path, data=form, files={"table": ("t.csv", content.encode())})
        assert answer.status_code == 303, answer.text
    assert "A-01" in staff.get("/centre/stations").text
    today = legal_day(datetime.now(UTC)).isoformat()
    project = {
        "name": "示例道路工程",
        "regime": "ZTB",
        "kind": "WORKS",
        "division_code": CENTRE,
        "centre_id": CENTRE,
        "tenderer_uscc": TENDERER,
        "agency_uscc": AGENCY,
        "supervisor_uscc": SUPERVISOR,
        "government_invested": True,
        "fair_review": {
            "reviewer_uscc": SUPERVISOR,
            "reviewed_on": today,
            "conclusion": "FITS",
            "document": base64.b64encode("示例审查结论".encode()).decode(),
        },
        "order_notice": today,
        "lots": [
            {
                "name": "示例标段",
                "estimate": 500_000_000,
                "price_ceiling": 480_000_000,
                "deposit_charged": 5_000_000,
                "committee": {"quotas": {"A080304": 4}, "representatives": 1},
                "bid_validity_days": 90,
                "method": method_json(b"1"),
            }
        ],
    }
    made = staff.post("/api/projects", json=project)
    assert made.status_code == 201, made.text
    lot = made.json()["lots"][0]["id"]
    for account, path in (
        ("tenderer", f"/tenderer/lots/{lot}"), ("supervisor", f"/api/lots/{lot}"),
    ):  # fmt: skip
        answer = sign_in(server.url, account).get(path)
        assert answer.status_code == 200, answer.text
        assert "示例标段" in answer.text
    assert main(["check"]) == 0
