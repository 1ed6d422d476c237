"""Lodging: nothing about a lot or a bidder can be read before the opening."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import SQLModel

from archive import sealing
from archive.entropy import SeededEntropy
from archive.errors import Kind
from archive.journal import service as journal
from archive.note import Note
from archive.office import Office
from tests.builders import make_office
from tests.trading.world import FIRMS, ISSUED, OPENING, TENDERER_ACTOR, World, faults_of, refused
from trading.lodging import service as lodging
from trading.lodging.batch import padded_size, shuffle
from trading.lodging.bid import Bid, parse
from trading.money import Money
from trading.projects import service as projects

COLUMNS = {"id", "tick", "cell"}


def columns_of_lodging(metadata: sa.MetaData) -> set[str]:
    return set(metadata.tables["lodged_cell"].columns.keys())


def sizes(office: Office) -> dict[str, list[int]]:
    """What the adversary counts: rows of each table, and the sizes of each table's blobs."""
    found: dict[str, list[int]] = {}
    with office.connections.engine.connect() as connection:
        for name in sa.inspect(connection).get_table_names():
            rows = connection.execute(sa.text(f'SELECT * FROM "{name}"')).all()
            found[name] = sorted(sum(map(_length, row)) // 64 for row in rows)
            found[name].append(len(rows))
    return found


def _length(value: object) -> int:
    """Bytes count as they are: how random ones print has a length by chance."""
    return len(value) if isinstance(value, bytes) else len(repr(value))


class TestWhitelist:
    """招标投标法 第二十二条; 电子招标投标办法 第二十一条、第二十七条."""

    def test_the_table_has_three_columns(self) -> None:
        assert columns_of_lodging(SQLModel.metadata) == COLUMNS

    def test_a_planted_column_would_be_caught(self) -> None:
        planted = sa.MetaData()
        sa.Table(
            "lodged_cell",
            planted,
            *(sa.Column(name, sa.String) for name in COLUMNS),
            sa.Column("lot_id", sa.String),
        )
        assert columns_of_lodging(planted) != COLUMNS

    def test_no_other_table_points_at_a_cell(self) -> None:
        for table in SQLModel.metadata.tables.values():
            for key in table.foreign_keys:
                assert key.column.table.name != "lodged_cell", table.name


@pytest.mark.db
class TestSecrecy:
    def tender(self, folder: Path, lodgers: tuple[str, ...], second: tuple[str, ...]) -> World:
        """A world with two tenders; `lodgers` bid in the first, `second` in the second."""
        folder.mkdir()
        world = World(make_office(folder)).setup()
        first = world.noticed()
        other = world.register(name="示例道路工程0002").lots[0].id
        world.publish(other, issued_at=ISSUED + timedelta(hours=1))
        world.at(ISSUED + timedelta(hours=2))
        cells = [world.bid_cell(first, firm) for firm in lodgers]
        cells += [world.bid_cell(other, firm, 4_000_001) for firm in second]
        world.lodge(*cells)
        world.at(ISSUED + timedelta(hours=3))
        world.lodge()
        return world

    def test_who_lodged_where_changes_no_table_and_no_stream(self, tmp_path: Path) -> None:
        cases = [
            (FIRMS[:3], FIRMS[3:5]),
            (FIRMS[3:6], FIRMS[:2]),
            (FIRMS[:1], ()),
            ((), ()),
            (FIRMS[:8], ()),
        ]
        shapes, streams = [], []
        for number, (lodgers, second) in enumerate(cases):
            world = self.tender(tmp_path / str(number), lodgers, second)
            shapes.append(sizes(world.office))
            with world.office.read() as db:
                streams.append(
                    {
                        stream: Counter(e.action for e in journal.entries(db, stream))
                        for stream in ("lodging", "parties")
                    }
                )
            world.office.connections.dispose()
        assert all(shape == shapes[0] for shape in shapes)
        assert all(stream == streams[0] for stream in streams)
        assert shapes[0]["lodged_cell"][-1] == 16

    def test_a_planted_leak_is_noticed(self, tmp_path: Path) -> None:
        """The comparison above is able to fail: one note of a lodger, and the shapes differ."""
        here = self.tender(tmp_path / "a", FIRMS[:3], ())
        there = self.tender(tmp_path / "b", FIRMS[:3], ())
        assert sizes(here.office) == sizes(there.office)
        with there.office.write() as tx:
            tx.record("lodging", "trading:lodging:leak", TENDERER_ACTOR, {"bidder": FIRMS[0]})
        assert sizes(here.office) != sizes(there.office)

    def test_no_bidder_and_no_lot_stands_in_the_files(self, tmp_path: Path) -> None:
        """Bytes of the database, its log and the vault, as a thief of the disk would read them."""
        world = World(make_office(tmp_path)).setup()
        lot_id = world.noticed()
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        before = sum(path.read_bytes().count(FIRMS[0].encode()) for path in files)
        lots_before = sum(path.read_bytes().count(lot_id.encode()) for path in files)
        assert before > 0, "the firm is registered, so the search can find it"
        world.lodge(world.bid_cell(lot_id, FIRMS[0]))
        with world.office.connections.engine.connect() as connection:
            dump = repr(connection.execute(sa.text("SELECT * FROM lodged_cell")).all())
            dump += repr(
                connection.execute(
                    sa.text("SELECT * FROM journal_entry WHERE stream = 'lodging'")
                ).all()
            )
        assert FIRMS[0] not in dump
        assert lot_id not in dump
        vault = [path for path in (tmp_path / "vault").rglob("*") if path.is_file()]
        assert sum(path.read_bytes().count(lot_id.encode()) for path in vault) <= lots_before
        world.office.connections.dispose()


class TestBatch:
    def test_padding_receipts_and_record(self, any_world: World) -> None:
        lot_id = any_world.noticed()
        cells = [any_world.bid_cell(lot_id, firm) for firm in FIRMS[:3]]
        batch = any_world.lodge(*cells)
        assert len(batch.digests) == 8
        mine = [hashlib.sha256(cell).hexdigest() for cell in cells]
        assert set(mine) <= set(batch.digests)
        with any_world.office.read() as db:
            entry = list(journal.entries(db, lodging.STREAM))[-1]
            rows = db.execute(sa.text("SELECT id, cell FROM lodged_cell")).all()
        assert entry.data["digests"] == list(batch.digests)
        assert (entry.actor, entry.documents) == ("system", ())
        assert {hashlib.sha256(bytes(cell)).hexdigest() for _, cell in rows} == set(batch.digests)
        for digest, receipt in zip(mine, batch.receipts, strict=True):
            note = Note.parse(receipt.encode())
            assert note.verified_by([any_world.office.log.verifier])
            value = json.loads(note.text)
            assert value["digest"] == digest
            assert set(value) == {"digest", "format", "tick"}

    def test_a_batch_is_taken_whole_or_not_at_all(self, world: World) -> None:
        good = sealing.dummy(SeededEntropy(b"d"))
        with refused("trading.lodging.invalid", Kind.INVALID) as caught:
            world.lodge(good, good[:-1], b"\x02" + good[1:])
        assert faults_of(caught) == {
            "/1": "archive.sealing.cell_size",
            "/2": "archive.sealing.cell_form",
        }
        with world.office.read() as db:
            assert db.execute(sa.text("SELECT count(*) FROM lodged_cell")).scalar() == 0

    @given(st.integers(0, 500), st.integers(1, 64))
    def test_padding_is_the_least_multiple(self, cells: int, batch: int) -> None:
        size = padded_size(cells, batch)
        assert size % batch == 0
        assert size >= max(cells, 1)
        assert size - batch < max(cells, 1)

    @given(st.integers(0, 40), st.binary(min_size=1, max_size=4))
    def test_shuffling_loses_nothing(self, count: int, seed: bytes) -> None:
        items = list(range(count))
        shuffle(items, SeededEntropy(seed))
        assert sorted(items) == list(range(count))

    def test_shuffling_prefers_no_place(self) -> None:
        entropy, firsts = SeededEntropy(b"places"), Counter[int]()
        for _ in range(4000):
            items = [0, 1, 2, 3]
            shuffle(items, entropy)
            firsts[items[0]] += 1
        assert all(880 < firsts[n] < 1120 for n in range(4))


class TestHours:
    """招标投标法实施条例 第三十六条: what comes late is refused."""

    def ask(self, world: World, lot_id: str) -> None:
        with world.office.read() as db:
            lodging.check_lodging_open(db, world.office.clock.now(), lot_id)

    def test_from_the_notice_to_the_deadline(self, world: World) -> None:
        lot_id = world.register().lots[0].id
        with refused("trading.lodging.too_early", Kind.TOO_EARLY):
            self.ask(world, lot_id)
        world.publish(lot_id)
        with refused("trading.lodging.too_early", Kind.TOO_EARLY):
            self.ask(world, lot_id)
        world.at(ISSUED)
        self.ask(world, lot_id)
        world.at(OPENING - timedelta(milliseconds=1))
        self.ask(world, lot_id)
        world.at(OPENING)
        with refused("trading.lodging.too_late", Kind.TOO_LATE, "opening.at_deadline"):
            self.ask(world, lot_id)

    def test_not_for_a_tender_that_was_given_up(self, world: World) -> None:
        lot_id = world.noticed()
        with world.office.write() as tx:
            projects.terminate_lot(tx, TENDERER_ACTOR, lot_id, "示例".encode())
        with refused("trading.lodging.over", Kind.CONFLICT):
            self.ask(world, lot_id)


class TestBidContent:
    BID = Bid("lot1", FIRMS[0], Money.yuan(100), 180, "合格")

    def test_a_bid_is_read_back(self) -> None:
        assert parse(self.BID.to_bytes(), "lot1", FIRMS[0]) == self.BID

    def test_another_lot_or_bidder_is_refused(self) -> None:
        reasons = [
            parse(self.BID.to_bytes(), "lot2", FIRMS[0]),
            parse(self.BID.to_bytes(), "lot1", FIRMS[1]),
            parse(Bid("lot1", FIRMS[0], Money(0), 1, "").to_bytes(), "lot1", FIRMS[0]),
        ]
        codes = ["trading.bid.lot", "trading.bid.bidder", "trading.bid.price"]
        assert [getattr(reason, "code", None) for reason in reasons] == codes

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b'"price_fen":10000', b'"price_fen":100.5'),
            (b'"price_fen":10000', b'"price_fen":-1'),
            (b'"price_fen":10000', b'"price_fen":true'),
            (b'"price_fen":10000', b'"price_fen":"10000"'),
            (b'"quality"', b'"extra":1,"quality"'),
            (b'"attachments":[]', b'"attachments":[{"bytes":1,"name":"a","sha256":"zz"}]'),
            (b'"attachments":[]', b'"attachments":{}'),
            (b"bigloop.bid.v1", b"bigloop.bid.v2"),
            (b"{", b" {"),
        ],
    )
    def test_other_contents_are_no_bids(self, old: bytes, new: bytes) -> None:
        content = self.BID.to_bytes()
        assert old in content
        reason = parse(content.replace(old, new, 1), "lot1", FIRMS[0])
        assert getattr(reason, "code", None) == "trading.bid.form"

    @given(st.binary(max_size=200))
    def test_rubbish_never_raises(self, content: bytes) -> None:
        assert getattr(parse(content, "lot1", FIRMS[0]), "code", None) == "trading.bid.form"
