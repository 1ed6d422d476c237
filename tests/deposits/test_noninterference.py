"""Noninterference: who lodged what, and for which lot, changes nothing that anybody can see before the
opening (招标投标法 第二十二条; 电子招标投标办法 第二十一条、第二十七条).

Two worlds get the same totals of acts at the same ticks and differ in everything else: who acts, for
which lot, with what (bid, guarantee, payment slip, withdrawal, of any size), and how many cells come in
which tick, as long as they fit one padded batch. The adversary reads everything but the memory of the
process: all rows of all tables, the journal with its checkpoints, every log line, the pages of
staff, tenderer, supervisor, issuer and public, and the backup (the database's dump and the vault's
folder). All of it must be the same byte for byte.

Cryptography is taken as ideal: a cell is a random string of its length, drawn anew for every sealing
(HPKE is IND-CCA2, and the cells' sizes are equal), a dummy's throwaway key costs no entropy of the
platform, and a salted commitment is a random string. Everything else is the product. Pages are
functions of the database, the vault and the clock; they are read for the first pairs.

That the test can fail is shown by leaks that are planted. What an issuer sees is another game: it
knows bidder, amount and month, and must not see the lot.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.testclient import TestClient

from api.app import create_app
from api.desks.bank import local as bank_local
from api.desks.bank.core import Books as BankBooks
from api.desks.issuer.core import Books as IssuerBooks
from api.desks.issuer.local import IssuersAdapter
from api.flows import buying, paying
from api.identity import service as identity
from api.identity.accounts import Account
from api.lodging_desk import LodgingDesk
from api.settings import Environment, Settings
from api.worker import anchor_once
from archive import sealing
from archive.actor import SYSTEM, Role
from archive.clock import DrivenClock
from archive.entropy import SeededEntropy
from archive.office import Office
from archive.tasks import service as tasks
from deposits.forms import DepositForm
from deposits.issuers.desk import Offer
from tests.api.conftest import PASSWORD
from tests.builders import bidder, make_office
from tests.deposits import makers
from tests.deposits.makers import BIDDERS, CENTRE_ID, CUSTODIAN, ISSUERS
from tests.deposits.paying import Town
from trading.lodging import service as lodging
from trading.lodging.bid import BID, GUARANTEE, PAYMENT, WITHDRAWAL
from trading.money import Money
from trading.projects.project import subject_of

PAIRS = 200
GROUP = 4
"""So many pairs of neighbours among plans of equal totals."""
TICKS = 2
BATCH = 8
START = makers.OPENING - timedelta(days=3)
PEOPLE = {
    "staff": (Role.STAFF, CENTRE_ID, ""),
    "tenderer": (Role.TENDERER, "", makers.TENDERER),
    "supervisor": (Role.SUPERVISOR, "", makers.SUPERVISOR),
    "issuer": (Role.ISSUER, "", ISSUERS[0].issuer.uscc),
}
PAGES = {
    "staff": ("/centre/day", "/centre/lots", "/centre/deposits", "/lots/{0}", "/lots/{1}"),
    "tenderer": ("/tenderer/lots", "/lots/{0}"),
    "supervisor": ("/supervisor/wall", "/supervisor/deposits"),
    "issuer": ("/",),
    "": ("/", "/public/lots", "/public/lots/{0}"),
}


@dataclass(frozen=True)
class Act:
    """Somebody does something for a lot: asks an issuer or the bank, or lodges a cell."""

    bidder: str
    lot: int
    kind: str
    size: int


@dataclass(frozen=True)
class Plan:
    """What happens: the questions, and the cells of each tick."""

    asked: tuple[Act, ...]
    ticks: tuple[tuple[Act, ...], ...]


def plans(dice: random.Random, count: int) -> list[Plan]:
    """Plans of equal totals that have nothing else in common by design."""
    asks, cells = dice.choice((0, 0, 0, 2)), dice.randint(1, TICKS * BATCH // 2)

    def plan() -> Plan:
        kinds = [dice.choice((BID, GUARANTEE, PAYMENT, WITHDRAWAL)) for _ in range(cells)]
        acts = [_act(dice, kind) for kind in kinds]
        least, most = max(1, cells - BATCH), min(BATCH, cells - 1)
        cut = dice.randint(least, most) if cells > 1 else cells
        asked = tuple(_act(dice, dice.choice((GUARANTEE, PAYMENT))) for _ in range(asks))
        return Plan(asked, (tuple(acts[:cut]), tuple(acts[cut:])))

    return [plan() for _ in range(count)]


def _act(dice: random.Random, kind: str) -> Act:
    size = 0 if kind == WITHDRAWAL else dice.randint(1, sealing.CONTENT_BYTES_MAX)
    return Act(dice.choice(BIDDERS), dice.randint(0, 1), kind, size)


class Ideal:
    """Ideal sealing: a valid point and random bytes, anew each time, and nothing of the plain text."""

    def __init__(self) -> None:
        self._points = [
            ec.derive_private_key(n, ec.SECP256R1())
            .public_key()
            .public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            for n in range(1, 17)
        ]
        self.dice = random.Random(0)

    def encrypt(self, plain: bytes, key: object, info: bytes = b"") -> bytes:
        return self.dice.choice(self._points) + self.dice.randbytes(len(plain) + 16)


class World:
    """One platform that is set back to its beginning before each plan."""

    def __init__(self, folder: Path, office: Office, client: TestClient, ideal: Ideal) -> None:
        self.folder, self.office, self.client, self.ideal = folder, office, client, ideal
        self.lots: tuple[str, ...] = ()
        self.lines: list[str] = []
        self.cookies: dict[str, dict[str, str]] = {"": {}}
        self.issuers = IssuerBooks()

    def set_back(self) -> None:
        self.office.connections.dispose()
        for ending in ("-wal", "-shm"):
            (self.folder / f"deposits.db{ending}").unlink(missing_ok=True)
        shutil.copyfile(self.folder / "template.db", self.folder / "deposits.db")
        known = set((self.folder / "vault.txt").read_text().split())
        for path in self.files():
            if str(path) not in known:
                path.unlink()
        self.office.entropy = SeededEntropy(b"the same in both worlds")
        self.office.clock = DrivenClock(START)
        self.ideal.dice = random.Random(1)
        self.lines.clear()
        self.issuers = IssuerBooks({OFFER.issuer_uscc: OFFER})

    def files(self) -> list[Path]:
        return sorted(p for p in self.office.vault.root.rglob("*") if p.is_file())

    def play(self, plan: Plan, *, with_pages: bool = False) -> dict[str, str]:
        """What the adversary sees after a plan, by where he sees it."""
        self.set_back()
        bank = bank_local.local(BankBooks())
        desk = IssuersAdapter(self.issuers.do)
        dice = random.Random(2)
        for act in plan.asked:
            lot_id, who = self.lots[act.lot], bidder(act.bidder)
            promise, now = dice.randbytes(32).hex(), self.office.clock.now()
            with self.office.read() as db:
                if act.kind == GUARANTEE:
                    code = OFFER.issuer_uscc
                    made = buying.apply(db, desk, who, lot_id, code, promise, now)
                    order, secret = made.quote.order, made.quote.secret
                    buying.pay(db, desk, who, order, secret, now)
                    if act.size % 2:  # some amend what they have bought
                        now = self.issuers.now + timedelta(minutes=OFFER.minutes)
                        more = made.amount + Money(act.size)
                        buying.amend(db, desk, who, lot_id, order, secret, more, made.valid_to, now)
                        buying.pay(db, desk, who, order, secret, now)
                    buying.collect(NoPapers(self.issuers), order, secret, now)
                else:
                    paying.open_account(db, bank, who, lot_id, promise, now)
        for acts in plan.ticks:
            lodgings = LodgingDesk(self.office, 0.0, 100)
            waiting = []
            lodgings._tick_seconds = 60.0  # nobody's cell goes before the others are there
            for act in acts:
                waiting.append(lodgings.take(self.lots[act.lot], self.cell(act)))
            if not acts:  # a tick without any lodging is written as well
                with self.office.write() as tx:
                    lodging.lodge(tx, [])
            lodgings.close()
            for each in waiting:
                each.result(10)
            clock = self.office.clock
            assert isinstance(clock, DrivenClock)
            clock.move_to(clock.now() + timedelta(hours=1))
        anchor_once(self.office)
        seen = {"logs": "\n".join(self.lines)} | self.backup()
        return seen | self.pages() if with_pages else seen

    def cell(self, act: Act) -> bytes:
        subject = subject_of(self.lots[act.lot])
        key = CUSTODIAN.public_key(subject)
        entropy = SeededEntropy(act.bidder.encode())
        return sealing.seal(key, subject, act.kind, act.bidder, 1, b"x" * act.size, entropy).cell

    def backup(self) -> dict[str, str]:
        """Each table's digest with its number of rows, the sizes of the database's pages, and the
        vault's listing."""
        found = {}
        with contextlib.closing(sqlite3.connect(self.folder / "deposits.db")) as connection:
            names = [
                name
                for (name,) in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
                )
            ]
            for name in names:
                digest, count = hashlib.sha256(), 0
                for row in connection.execute(f'SELECT * FROM "{name}"'):
                    for value in row:
                        raw = value if isinstance(value, bytes) else repr(value).encode()
                        digest.update(len(raw).to_bytes(4, "big") + raw)
                    count += 1
                found[f"table {name}"] = f"{count} {digest.hexdigest()}"
            found["pages"] = str(connection.execute("PRAGMA page_count").fetchone())
        root = self.office.vault.root
        found["vault"] = "\n".join(
            f"{p.relative_to(root)} {p.stat().st_size}" for p in self.files()
        )
        return found

    def pages(self) -> dict[str, str]:
        found = {}
        for name, paths in PAGES.items():
            self.client.cookies.clear()
            self.client.cookies.update(self.cookies[name])
            for path in paths:
                answer = self.client.get(path.format(*self.lots))
                assert answer.status_code == 200, (name, path, answer.status_code)
                found[f"page {name} {path}"] = answer.text
        return found


class NoPapers(IssuersAdapter):
    """The books alone sign nothing: an order's document is left out."""

    def __init__(self, books: IssuerBooks) -> None:
        def send(command: Any) -> Any:
            answer = books.do(command)
            return {**answer, "document": ""} if command["do"] == "collect" else answer

        super().__init__(send)


OFFER = Offer(ISSUERS[0].issuer.uscc, "示例", DepositForm.BANK, 30, Money.yuan(200), 30)


class Lines(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.levelname} {record.getMessage()}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, sqlite_market: Path) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("noninterference")
    shutil.copyfile(sqlite_market, folder / "deposits.db")
    url = f"sqlite:///{folder}/deposits.db"
    office = make_office(folder, url, makers.START)
    Town(office).register()
    lots = makers.make_lots(office, 30_000_000, 30_000_000)
    for name, (role, centre, party) in PEOPLE.items():
        with office.write() as tx:
            account = Account(name, frozenset({role}), centre_id=centre, party_id=party)
            identity.create_account(tx, SYSTEM, account, PASSWORD)
    settings = Settings(environment=Environment.DEMO, data=folder / "data", database_url=url)
    ideal = Ideal()
    patch = pytest.MonkeyPatch()
    with TestClient(create_app(office, settings, CUSTODIAN)) as client:
        made = World(folder, office, client, ideal)
        made.lots = lots
        for name in PEOPLE:
            client.cookies.clear()
            client.post("/api/sign-in", json={"account": name, "password": PASSWORD})
            made.cookies[name] = dict(client.cookies)
            client.get("/")
        office.connections.dispose()
        with contextlib.closing(sqlite3.connect(folder / "deposits.db")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA synchronous=OFF")
        shutil.copyfile(folder / "deposits.db", folder / "template.db")
        (folder / "vault.txt").write_text("\n".join(map(str, made.files())))
        handler, root = Lines(made.lines), logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        patch.setattr(sealing, "_SUITE", ideal)
        patch.setattr(sealing, "dummy", lambda _entropy: ideal_dummy(ideal))
        # Nobody pulls the plug here: two hundred and fifty worlds wait for no disk.
        patch.setattr("archive.vault.os.fsync", lambda _file: None)
        sa.event.listen(office.connections.engine, "connect", hasty)
        yield made
        patch.undo()
        root.setLevel(level)
        root.removeHandler(handler)
    office.connections.dispose()


def hasty(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def ideal_dummy(ideal: Ideal) -> bytes:
    return bytes([sealing.VERSION]) + ideal.encrypt(bytes(sealing._PLAIN_BYTES), None)


def differing(one: dict[str, str], two: dict[str, str]) -> list[str]:
    return [where for where in one.keys() | two.keys() if one.get(where) != two.get(where)]


def test_nothing_visible_tells_who_lodged_what(world: World) -> None:
    dice = random.Random(20261021)
    compared = different = 0
    while compared < PAIRS:
        with_pages = compared == 0  # the first group's worlds are read as pages too
        drawn = plans(dice, GROUP + 1)
        seen = [world.play(plan, with_pages=with_pages) for plan in drawn]
        for number in range(GROUP):  # each world with the next one of its group
            one, two = drawn[number : number + 2]
            assert differing(*seen[number : number + 2]) == [], (one, two)
            compared += 1
            different += one != two
    assert different > PAIRS * 0.9, "the pairs do not differ"


def test_the_ideal_hides_nothing_that_the_product_shows(world: World) -> None:
    """What is played is the product: cells are rows, batches are entries, and there are as many."""
    dice = random.Random(1)
    world.play(*plans(dice, 1))
    with contextlib.closing(sqlite3.connect(world.folder / "deposits.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM lodged_cell").fetchone()
    assert count == TICKS * BATCH


def on_record(patch: pytest.MonkeyPatch) -> None:
    whole = LodgingDesk._write

    def write(self: LodgingDesk, batch: Any) -> None:
        whole(self, batch)
        with self._office.write() as tx:
            for each in batch[:1]:
                tx.record(subject_of(each.lot_id), "trading:lodging:batch", SYSTEM, {})

    patch.setattr(LodgingDesk, "_write", write)


def in_the_log(patch: pytest.MonkeyPatch) -> None:
    whole = lodging.check_lodging_open

    def check(db: Any, now: Any, lot_id: str) -> None:
        logging.getLogger("bigloop.lodging").info("asked for %s", lot_id)
        whole(db, now, lot_id)

    patch.setattr(lodging, "check_lodging_open", check)


def as_a_task(patch: pytest.MonkeyPatch) -> None:
    whole = LodgingDesk._write

    def write(self: LodgingDesk, batch: Any) -> None:
        whole(self, batch)
        with self._office.write() as tx:
            tasks.enqueue(tx, "leak", {"lots": len({each.lot_id for each in batch})})

    patch.setattr(LodgingDesk, "_write", write)


def in_the_vault(patch: pytest.MonkeyPatch) -> None:
    whole = LodgingDesk._write

    def write(self: LodgingDesk, batch: Any) -> None:
        whole(self, batch)
        for each in batch:
            self._office.vault.put("x", "text/plain", each.lot_id.encode())

    patch.setattr(LodgingDesk, "_write", write)


def unpadded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lodging, "padded_size", lambda cells, _batch: cells)


def in_order(patch: pytest.MonkeyPatch) -> None:
    """Cells in the order of their lots: seen only because a cell's place then tells its lot."""
    whole = LodgingDesk._write

    def write(self: LodgingDesk, batch: Any) -> None:
        whole(self, sorted(batch, key=lambda each: each.lot_id))

    patch.setattr(LodgingDesk, "_write", write)


@pytest.mark.parametrize(
    "plant", [on_record, in_the_log, as_a_task, in_the_vault, unpadded, in_order]
)
def test_a_planted_leak_is_caught(
    world: World, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """Negative controls."""
    dice = random.Random(7)
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        for _ in range(20):
            one, two = plans(dice, 2)
            if differing(world.play(one), world.play(two)):
                return
    raise AssertionError("the leak is not seen")


def test_an_issuer_does_not_see_the_lot(world: World) -> None:
    """The same bidders buy for other lots: the issuer's books are the same."""
    dice = random.Random(3)
    for _ in range(15):
        asked = [_act(dice, GUARANTEE) for _ in range(4)]
        other = [Act(a.bidder, 1 - a.lot, a.kind, a.size) for a in asked]
        told = []
        for acts in (asked, other):
            world.play(Plan(tuple(acts), ()))
            told.append(repr(sorted(world.issuers.orders.items())))
        assert told[0] == told[1]
        assert all(lot not in told[0] for lot in world.lots)
