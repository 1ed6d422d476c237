"""Public pages: what everybody may read and from when, a stranger's upload, and the figures."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page, expect
from starlette.testclient import TestClient

from api.flows import published, statistics, upload
from api.flows.example import example
from api.office import open_office
from api.settings import Environment, Settings
from archive import canonical, dossier, package
from archive.clock import DrivenClock
from archive.entropy import SeededEntropy
from archive.errors import Refusal
from archive.journal.entry import DocumentRef
from archive.keys import note_signer
from archive.office import Office
from evaluation.seating import service as seating
from evaluation.session import service as sessions
from experts.draws import service as draws
from experts.pool import service as pool
from experts.vrf.verify import verified_output
from tests.archive.dossiers import assembled, fill
from tests.builders import CENTRE, STAFF, START
from tests.experts import world as experts_world
from tests.pages.looks import looks
from tests.support.browser import Pages
from tests.support.servers import Servers
from tests.trading.world import FIRMS, ISSUED, TENDERER_ACTOR, World, lot_spec
from trading.awards import service as awards
from trading.awards.award import Candidate
from trading.money import Money
from trading.projects import service as projects
from trading.regime import Regime

FIRM = "滇示例建设0000有限公司"
PATIENCE_MS = 30_000
"""For what starts a program or loads the charts' library."""
REPORT = DocumentRef("report.json", "a" * 64, 10, "application/json")
CANDIDATES = [
    Candidate(n, uscc, Money.yuan(4_500_000), 9000 - n) for n, uscc in enumerate(FIRMS[:3], 1)
]


@pytest.fixture
def world(app: FastAPI, office: Office) -> World:
    return World(office, app.state.shell.custodian).setup()


def published_candidates(world: World, **changes: Any) -> str:
    """A lot whose candidates are handed over, its publicity still running."""
    lot_id = world.opened(**changes)
    with world.office.write() as tx:
        projects.mark_evaluated(tx, STAFF, lot_id, REPORT)
        awards.publish_candidates(tx, STAFF, lot_id, CANDIDATES, REPORT)
    return lot_id


def award(world: World, lot_id: str) -> None:
    with world.office.read() as db:
        ends_at = awards.publication(db, lot_id).publicity.ends_at
    world.at(max(ends_at, world.office.clock.now()))
    with world.office.write() as tx:
        awards.award(tx, TENDERER_ACTOR, lot_id)


class TestWhatIsPublished:
    """招标投标法 第二十二条、第三十七条; 条例 第五十四条; 政府采购法实施条例 第四十三条."""

    def test_nothing_of_a_lot_before_its_notice(self, client: TestClient, world: World) -> None:
        lot_id = world.register().lots[0].id
        assert lot_id not in client.get("/public/lots").text
        for path in (f"/public/lots/{lot_id}", f"/public/lots/{lot_id}/notice"):
            assert client.get(path).status_code == 404

    def test_a_notice_counts_from_its_hour(self, client: TestClient, world: World) -> None:
        lot_id = world.register().lots[0].id
        world.publish(lot_id)
        assert client.get(f"/public/lots/{lot_id}").status_code == 404
        world.at(ISSUED)
        assert lot_id in client.get("/public/lots").text
        document = client.get(f"/public/lots/{lot_id}/notice")
        assert document.content == "示例招标公告".encode()

    def test_no_bidder_before_the_opening_is_finished(
        self, client: TestClient, world: World
    ) -> None:
        lot_id = world.noticed()
        path = f"/public/lots/{lot_id}"
        before = client.get(path).text
        world.lodge(*(world.bid_cell(lot_id, firm) for firm in FIRMS[:3]))
        assert client.get(path).text == before
        world.begin(lot_id)
        assert FIRM not in client.get(path).text
        for firm in FIRMS[:3]:
            world.give_half(lot_id, firm)
        assert FIRM not in client.get(path).text
        world.finish(lot_id)
        shown = client.get(path).text
        assert FIRM in shown
        assert "¥4,500,000.00" in shown

    def test_a_tender_that_failed_names_nobody(self, client: TestClient, world: World) -> None:
        lot_id = world.noticed()
        world.lodge(*(world.bid_cell(lot_id, firm) for firm in FIRMS[:2]))
        world.begin(lot_id)
        shown = client.get(f"/public/lots/{lot_id}").text
        assert "流标" in shown
        assert FIRM not in shown

    @pytest.mark.parametrize("regime", [Regime.ZTB, Regime.ZFCG])
    def test_candidates_and_committee(
        self, client: TestClient, world: World, monkeypatch: pytest.MonkeyPatch, regime: Regime
    ) -> None:
        seat = SimpleNamespace(seat_code="A080304-1", expert_id="e", is_representative=False)
        session = SimpleNamespace(state=SimpleNamespace(sitting=[seat]))
        expert = SimpleNamespace(name="王某0421")
        monkeypatch.setattr(sessions, "session_of_lot", lambda *_: session)
        monkeypatch.setattr(pool, "expert", lambda *_: expert)
        spec = lot_spec(deposit_charged=Money.yuan(50_000))
        lot_id = published_candidates(world, regime=regime, lots=(spec,))
        shown = client.get(f"/public/lots/{lot_id}").text
        assert ('id="candidates"' in shown) is (regime is Regime.ZTB)
        assert "王某0421" not in shown
        award(world, lot_id)
        shown = client.get(f"/public/lots/{lot_id}").text
        assert 'id="candidates"' in shown
        assert 'id="result"' in shown
        assert ("王某0421" in shown) is (regime is Regime.ZFCG)

    def test_search_by_day_region_stage_and_text(self, client: TestClient, world: World) -> None:
        lot_id = world.noticed()
        for query, is_there in (
            ("since=2026-11-11&until=2026-11-11", True),
            ("since=2026-11-12", False),
            ("until=2026-11-10", False),
            ("since=nonsense", True),
            ("region=532900&stage=NOTICED&q=示例标段", True),
            ("region=530100", False),
            ("q=没有", False),
        ):
            shown = client.get(f"/public/lots?{query}").text
            assert (f"/public/lots/{lot_id}" in shown) is is_there, query


class TestDrawNumbers:
    def _entry(self, number: int, predecessor: str) -> tuple[str, dict[str, Any]]:
        made = hashlib.sha256(f"{number}".encode()).hexdigest()
        return made, {
            "draw": f"d{number}",
            "number": number,
            "predecessor": predecessor,
            "request": made,
        }

    @pytest.mark.parametrize(
        ("numbers", "holds"), [((1, 2, 3), True), ((1, 3), False), ((2, 3), False)]
    )
    def test_a_gap_is_seen(
        self,
        client: TestClient,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
        numbers: tuple[int, ...],
        holds: bool,
    ) -> None:
        drawn = SimpleNamespace(state=SimpleNamespace(value="CLOSED"))
        monkeypatch.setattr(draws, "draw", lambda *_: drawn)
        last = published.NO_PREDECESSOR
        with world.office.write() as tx:
            for number in numbers:
                last, data = self._entry(number, last)
                tx.record(f"draws/{CENTRE}", published.REQUESTED, STAFF, data)
        shown = client.get("/public/draws").text
        assert last in shown
        assert ('role="alert"' not in shown) is holds

    def test_the_example_is_what_the_description_says(self, client: TestClient) -> None:
        """Computed again from docs/draw.md, with hashing alone."""
        shown = client.get("/public/draw").text
        digests = dict(re.findall(r'id="([a-z-]+)">([0-9a-f]{64,})<', shown))

        def sha(*parts: bytes) -> bytes:
            return hashlib.sha256(b"".join(parts)).digest()

        made = example()
        request_hash = sha(made.request.encode())
        assert digests["request-hash"] == request_hash.hex()
        alpha = b"bigloop.draw.alpha.v1\0" + request_hash + (1).to_bytes(4, "big") + bytes(32)
        assert digests["alpha"] == alpha.hex()
        outputs = [
            verified_output(bytes.fromhex(key), alpha, bytes.fromhex(digests[f"proof-{name}"]))
            for name, key in json.loads(made.request)["trustees"].items()
        ]
        seed = sha(b"bigloop.draw.seed.v1\0", alpha, *outputs)
        assert digests["seed"] == seed.hex()
        people = sorted(made.candidates, key=lambda one: one.leaf)
        assert [one.name for one in people] == re.findall("<td>(示例专家[0-9])</td>", shown)
        drawn = people
        for attempt in made.attempts:
            key = sha(
                b"bigloop.draw.lottery.v1\0", seed, attempt.number.to_bytes(4, "big"), b"\7A080304"
            )
            order = list(range(len(people)))
            for i in range(len(order)):
                block = int.from_bytes(sha(key, i.to_bytes(8, "big")), "big")
                j = i + block % (len(order) - i)
                order[i], order[j] = order[j], order[i]
            drawn = [people[index] for index in order]
            assert attempt.names == tuple(one.name for one in drawn[: made.seats])
            employers = {one.employer for one in drawn[: made.seats]}
            homes = [one.home for one in drawn[: made.seats]]
            is_lawful = len(employers) == made.seats and all(homes.count(h) <= 2 for h in homes)
            assert attempt.is_accepted is is_lawful
        assert [one.rank for one in drawn] == list(range(1, len(people) + 1))


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("dossier/link")
    info.create_system = upload.UNIX
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def encrypted() -> bytes:
    """Bit 0 of the flags set, in the entry and in the directory (APPNOTE 4.4.4)."""
    made = bytearray(zipped(("a", b"a")))
    made[6] |= 1
    made[made.index(b"PK\1\2") + 8] |= 1
    return bytes(made)


def damaged() -> bytes:
    """One byte of the packed content is another."""
    made = bytearray(zipped(("a", bytes(range(256)))))
    made[100] ^= 1
    return bytes(made)


REFUSED: dict[str, tuple[bytes, str]] = {
    "no zip": (b"not a zip", "no_zip"),
    "cut": (zipped(("a", b"a" * 1000))[:-30], "no_zip"),
    "damaged": (damaged(), "no_zip"),
    "parent": (zipped(("../out.txt", b"x")), "path"),
    "absolute": (zipped(("/out.txt", b"x")), "path"),
    "drive": (zipped(("C:/out.txt", b"x")), "path"),
    "backslash": (zipped(("..\\out.txt", b"x")), "path"),
    "inner parent": (zipped(("a/../../out.txt", b"x")), "path"),
    "link": (zipped((link(), b"/etc/passwd")), "link"),
    "many": (zipped(*((f"{n}", b"") for n in range(11))), "too_many"),
    "bomb": (zipped(("zeros", bytes(200_000))), "too_large"),
    "bomb in parts": (zipped(*((f"{n}", bytes(30_000)) for n in range(4))), "too_large"),
    "file and folder": (zipped(("a", b"x"), ("a/b", b"x")), "twice"),
    "encrypted": (encrypted(), "packing"),
}


class TestAStrangersUpload:
    @pytest.fixture(autouse=True)
    def _bounds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(upload, "FILES_MAX", 10)
        monkeypatch.setattr(upload, "BYTES_MAX", 100_000)

    @pytest.mark.parametrize("case", REFUSED)
    def test_what_is_no_plain_archive_is_refused(self, tmp_path: Path, case: str) -> None:
        content, code = REFUSED[case]
        before = set(tmp_path.rglob("*"))
        with pytest.raises(Refusal) as info:
            upload.unpack(content, tmp_path / "dossier")
        assert info.value.code == f"api.upload.{code}"
        outside = {p for p in tmp_path.rglob("*") if tmp_path / "dossier" not in (p, *p.parents)}
        assert outside == before
        assert sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) <= 100_000

    def test_a_name_that_stands_twice(self, tmp_path: Path) -> None:
        with pytest.warns(UserWarning, match="Duplicate name"):
            content = zipped(("a", b"1"), ("a", b"2"))
        with pytest.raises(Refusal, match="twice"):
            upload.unpack(content, tmp_path / "dossier")

    def test_the_page_says_why(self, client: TestClient) -> None:
        for files, data, said in (
            ({"dossier": ("x.zip", b"not a zip")}, {}, "这不是可以读取的 .zip 文件"),
            ({}, {}, "请选择"),
            ({"dossier": ("x.zip", zipped(("a", b"")))}, {"vkey": "nonsense"}, "不是一行 vkey"),
        ):
            answer = client.post("/public/verify", files=files, data=data)
            assert answer.status_code == 422
            assert said in answer.text

    def test_a_draws_transcript_and_one_with_a_figure_changed(
        self, client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house = experts_world.open_office(tmp_path)
        draw = experts_world.perform(house, experts_world.make_request())
        draw = experts_world.answer_all(house, draw)
        with house.read() as db:
            content = canonical.encode(draws.transcript(db, draw.id))
        house.connections.dispose()
        monkeypatch.setattr(upload, "BYTES_MAX", len(content))
        root = draw.request_hash.encode()
        spoilt = content.replace(root, root[::-1])
        assert spoilt != content
        for sent, verdict in ((content, "VALID"), (spoilt, "INVALID"), (b"{}", "UNREADABLE")):
            answer = client.post("/public/verify", files={"dossier": ("draw.json", sent)})
            assert f'data-verdict="{verdict}"' in answer.text
        answer = client.post("/public/verify", files={"dossier": ("draw.json", content + b" ")})
        assert answer.status_code == 422

    def test_the_key_is_the_platforms(self, client: TestClient, office: Office) -> None:
        assert client.get("/public/trust").text == office.log.verifier.vkey + "\n"

    def test_another_platforms_key(
        self, client: TestClient, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A dossier of another log is untrusted until its key is pasted."""
        monkeypatch.setattr(upload, "FILES_MAX", 1000)
        theirs = note_signer(tmp_path / "their.key", "other.example", SeededEntropy(b"o"))
        other = Office(
            office.connections, office.clock, office.entropy, office.vault, theirs, office.keeper
        )
        content = packed(other, tmp_path)
        files = {"dossier": ("x.zip", content)}
        assert 'data-verdict="INVALID"' in client.post("/public/verify", files=files).text
        data = {"vkey": theirs.verifier.vkey}
        answer = client.post("/public/verify", files=files, data=data)
        assert 'data-verdict="VALID"' in answer.text


def packed(office: Office, folder: Path, spoil: str = "") -> bytes:
    """A sealed dossier as a zip of its folder; the file `spoil` with one byte changed."""
    place = folder / "packed" / "dossier"
    place.parent.mkdir(exist_ok=True)
    if not place.exists():
        fill(office)
        dossier.write(assembled(office), place)
    made = folder / "spoilt" / "dossier"
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(place, made)
    if spoil:
        (made / spoil).write_bytes((made / spoil).read_bytes() + b" ")
    return Path(
        shutil.make_archive(str(folder / "dossier"), "zip", made.parent, made.name)
    ).read_bytes()


class TestFigures:
    def test_counted_by_month_and_centre(
        self, office: Office, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lot_id = world.opened()
        at = datetime(2026, 11, 30, 17, 0, tzinfo=UTC)  # 01:00 on 1 December in Beijing
        state = SimpleNamespace(starts_at=at, nights=(1, 2))
        session = SimpleNamespace(
            id="s", stage="CLOSED", state=state, lot_id=lot_id, centre_id=CENTRE
        )
        seats = [SimpleNamespace(centre_id=c) for c in (CENTRE, "532900", "532900")]
        monkeypatch.setattr(sessions, "sessions", lambda _: [session])
        monkeypatch.setattr(seating, "seats_of", lambda *_: seats)
        with office.read() as db:
            found = statistics.statistics(db, until="2027-01")
        months = {line.key: line for line in found.months}
        assert list(months) == ["2026-11", "2026-12", "2027-01"]
        december = months["2026-12"]
        assert (december.hosted, december.received, december.nights) == (1, 2, 2)
        assert months["2027-01"].received == 0
        assert months["2026-11"].relief_projects is not None
        assert months["2026-12"].relief_projects is None

    def test_nothing_counts_before_the_opening(self, client: TestClient, world: World) -> None:
        lot_id = world.noticed()
        empty = "这一范围内还没有数据"
        world.lodge(*(world.bid_cell(lot_id, firm) for firm in FIRMS[:3]))
        world.begin(lot_id)
        assert empty in client.get("/figures").text
        for firm in FIRMS[:3]:
            world.give_half(lot_id, firm)
        world.finish(lot_id)
        assert empty not in client.get("/figures").text
        assert empty in client.get("/figures?region=530100").text

    def test_files_have_the_empty_months(self, client: TestClient, world: World) -> None:
        world.opened()
        answer = client.get("/figures?since=2026-10&until=2026-12&months.format=csv")
        rows = answer.content.decode("utf-8-sig").splitlines()
        assert [row[:9] for row in rows[1:]] == ["2026-10,0", "2026-11,0", "2026-12,0"]
        assert client.get("/figures?since=2026-13&until=x").status_code == 200


@dataclass
class Installed:
    """An installation with published lots, and a dossier sealed with its key."""

    env: dict[str, str]
    lot_id: str
    good: Path
    bad: Path


@pytest.fixture
def installed(tmp_path: Path, migrated_sqlite_url: str) -> Iterator[Installed]:
    data = tmp_path / "data"
    settings = Settings(environment=Environment.DEMO, data=data, database_url=migrated_sqlite_url)
    office = open_office(settings, clock=DrivenClock(START), entropy=SeededEntropy(b"1"))
    world = World(office).setup()
    lot_id = world.opened()
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    good.write_bytes(packed(office, tmp_path))
    bad.write_bytes(packed(office, tmp_path, package.CONTENTS))
    now = office.clock.now() + timedelta(minutes=1)
    env = {
        "BIGLOOP_DATA": str(data),
        "BIGLOOP_DATABASE_URL": migrated_sqlite_url,
        "BIGLOOP_ENVIRONMENT": "demo",
        "BIGLOOP_CLOCK_START": now.isoformat(),
        "BIGLOOP_CLOCK_RATE": "1",
    }
    yield Installed(env, lot_id, good, bad)
    office.connections.dispose()


def upload_of(page: Page, path: Path, verdict: str) -> None:
    page.locator("#f-dossier").set_input_files(path)
    page.locator("main button[type=submit]").click()
    judged = page.locator(f"#judged[data-verdict={verdict}]")
    expect(judged).to_be_visible(timeout=PATIENCE_MS)


DRAWN = """
() => [...document.querySelectorAll('figure[data-chart] canvas')].map(canvas => {
  const shown = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(shown.buffer)).size;
})
"""
"""How many colours each chart has."""


def test_a_citizen_looks_around(
    chromium_page: Pages, run_server: Servers, installed: Installed
) -> None:
    server = run_server("serve", env=installed.env, ready="/health")
    page = chromium_page(server.url + "/public/lots")
    looks(page, "public-lots")
    page.locator("#list-rows-q").fill("没有这样的标段")
    page.locator("#list-rows .list-buttons button").click()
    expect(page.locator(".empty-state")).to_be_visible()
    page.locator(".empty-state a").click()
    page.locator("#since").fill(date(2026, 11, 1).isoformat())
    page.locator("main form button").first.click()
    page.locator(f"a[href='/public/lots/{installed.lot_id}']").click()
    expect(page.locator("#bids")).to_contain_text(FIRM)
    looks(page, "public-lot")
    page.goto(server.url + "/public/draws")
    looks(page, "public-draws")
    page.goto(server.url + "/public/draw")
    looks(page, "public-draw")
    page.goto(server.url + "/public/draw?lang=en")
    expect(page.locator("h1")).to_have_text("How experts are drawn")
    page.goto(server.url + "/public/verify?lang=zh")
    upload_of(page, installed.good, "VALID")
    upload_of(page, installed.bad, "INVALID")
    expect(page.locator("#step-4[data-status=FAILED]")).to_contain_text(package.CONTENTS)
    looks(page, "public-verified")
    page.goto(server.url + "/figures?since=2026-06&until=2026-12")
    page.wait_for_function(
        "[...document.querySelectorAll('figure[data-chart]')].every(f => f.dataset.drawn)",
        timeout=PATIENCE_MS,
    )
    assert min(page.evaluate(DRAWN)) > 5
    expect(page.locator("figure[data-chart] table").first.locator("tbody tr")).to_have_count(7)
    looks(page, "figures")
