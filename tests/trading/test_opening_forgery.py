"""Cells in another's name. Anybody can seal one to the public key of a lot; the half decides."""

import dataclasses
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from archive import canonical, sealing
from archive.custody import DemoCustodian
from archive.entropy import SeededEntropy
from archive.errors import Kind
from archive.journal import service as journal
from archive.sealing import Outer
from tests.trading.world import FIRMS, ISSUED, OPENING, OPERATOR, OUTSIDER, World, refused
from trading.lodging.bid import BID, GUARANTEE, WITHDRAWAL
from trading.money import Money
from trading.opening import service as openings
from trading.opening.counting import Found, Sorted, looks_withdrawn, sort_cells, what_counts
from trading.opening.opening import Opening, Revocation
from trading.projects import service as projects
from trading.projects.stages import Stage
from trading.rules.book import Rule, RuleBook, book

THREE = FIRMS[:3]
ASKED = {firm: 4_500_000 + n for n, firm in enumerate(THREE)}
LAST = canonical.INTEGER_MAX
"""The highest version there can be: a forger takes it."""


def lodged(world: World) -> str:
    lot_id = world.noticed()
    world.lodge(*(world.bid_cell(lot_id, firm, yuan) for firm, yuan in ASKED.items()))
    return lot_id


def opened(world: World, lot_id: str) -> Opening:
    """All of the three hand in their halves, the time of the others runs out."""
    world.begin(lot_id)
    for firm in THREE:
        world.give_half(lot_id, firm)
    world.at(OPENING + timedelta(minutes=30))
    return world.finish(lot_id)


def prices(opening: Opening) -> dict[str, Money]:
    return {bid.bidder: bid.price for bid in opening.bids}


def as_asked() -> dict[str, Money]:
    return {firm: Money.yuan(yuan) for firm, yuan in ASKED.items()}


class TestForger:
    """招标投标法 第二十九条: it is the bidder who may change and withdraw his bid, nobody else."""

    def test_a_forged_version_displaces_nothing(self, any_world: World) -> None:
        lot_id = lodged(any_world)
        any_world.at(ISSUED + timedelta(hours=2))
        any_world.lodge(
            any_world.forged(lot_id, FIRMS[0], BID, LAST),
            any_world.forged(lot_id, FIRMS[0], BID, 1),
            any_world.forged(lot_id, FIRMS[0], GUARANTEE, LAST),
            any_world.cell(lot_id, FIRMS[0], b"mine", GUARANTEE, 1),
        )
        opening = opened(any_world, lot_id)
        assert prices(opening) == as_asked()
        assert opening.bids[0].version == 1
        with any_world.office.read() as db:
            assert openings.envelopes(db, lot_id, GUARANTEE) == {FIRMS[0]: b"mine"}
            count = db.execute(sa.text("SELECT count(*) FROM opening_cell")).scalar()
        assert count == 0, "what did not count stays shut"
        record = canonical.decode(any_world.office.vault.get(opening.record.sha256))
        assert isinstance(record, dict)
        told = next(bid for bid in record["bids"] if bid["bidder"] == FIRMS[0])
        assert (told["cells"], told["own"]) == (5, 2)

    def test_a_forged_withdrawal_has_no_effect(self, any_world: World) -> None:
        lot_id = lodged(any_world)
        any_world.lodge(*(any_world.forged(lot_id, f, WITHDRAWAL, LAST) for f in THREE))
        opening = opened(any_world, lot_id)
        assert not opening.failed
        assert prices(opening) == as_asked()
        assert (opening.withdrawn, opening.revoked) == ((), ())

    def test_his_own_replacement_counts_through_the_forgeries(self, world: World) -> None:
        lot_id = lodged(world)
        world.lodge(
            world.bid_cell(lot_id, FIRMS[0], 4_100_000, version=2),
            world.forged(lot_id, FIRMS[0], BID, 2),
            world.forged(lot_id, FIRMS[0], BID, 3),
        )
        assert prices(opened(world, lot_id))[FIRMS[0]] == Money.yuan(4_100_000)

    def test_his_own_withdrawal_counts_through_a_forged_later_bid(self, world: World) -> None:
        lot_id = lodged(world)
        world.lodge(
            world.bid_cell(lot_id, FIRMS[3]),
            world.withdrawal(lot_id, FIRMS[3], 1),
            world.forged(lot_id, FIRMS[3], BID, LAST),
        )
        world.begin(lot_id)
        for firm in FIRMS[:4]:
            world.give_half(lot_id, firm)
        opening = world.finish(lot_id)
        assert (opening.withdrawn, opening.revoked) == ((FIRMS[3],), ())
        assert prices(opening) == as_asked()

    def test_the_forgers_half_is_of_no_use_but_from_the_account(self, world: World) -> None:
        """He would have to hand it in for the bidder; and the bidder's own half is no other's."""
        lot_id = lodged(world)
        world.lodge(world.forged(lot_id, FIRMS[0], BID, 2))
        world.begin(lot_id)
        with refused("archive.sealing.wrong_half", Kind.INVALID):
            world.give_half(lot_id, FIRMS[0], world.halves[lot_id, FIRMS[1]])
        world.give_half(lot_id, FIRMS[0])
        with refused("trading.opening.half_given", Kind.CONFLICT):
            world.give_half(lot_id, FIRMS[0], b"f" * 32)

    def test_a_half_that_opens_only_a_withdrawal_is_wrong(self, world: World) -> None:
        lot_id = lodged(world)
        world.lodge(world.forged(lot_id, FIRMS[0], WITHDRAWAL, 2))
        world.begin(lot_id)
        with refused("archive.sealing.wrong_half", Kind.INVALID):
            world.give_half(lot_id, FIRMS[0], b"f" * 32)

    def test_a_name_without_a_bidder_is_counted_and_revoked_but_not_proven(
        self, world: World
    ) -> None:
        """What a forger still can do, and where it shows."""
        lot_id = world.noticed()
        world.lodge(*(world.bid_cell(lot_id, firm) for firm in FIRMS[:2]))
        world.lodge(world.forged(lot_id, FIRMS[2], BID, 1))
        begun = world.begin(lot_id)
        assert (begun.failed, begun.bidder_count) == (False, 3)
        for firm in FIRMS[:2]:
            world.give_half(lot_id, firm)
        world.at(OPENING + timedelta(minutes=30))
        opening = world.finish(lot_id)
        assert opening.causes == {FIRMS[2]: Revocation.HALF_MISSING}
        assert opening.proven == 2
        with world.office.read() as db:
            assert openings.proven_bidders(db, lot_id) == tuple(sorted(FIRMS[:2]))
            assert projects.lot(db, lot_id).stage is Stage.OPENED


class TestFlood:
    @pytest.fixture
    def five(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """At most five cells of a kind are kept in a name."""
        rules = [version for rule_id in book().ids for version in book().versions(rule_id)]
        small = RuleBook(five_of(rule) for rule in rules)
        monkeypatch.setattr(openings, "book", lambda: small)

    def test_a_flood_is_bounded_and_told(self, five: None, any_world: World) -> None:
        lot_id = lodged(any_world)
        any_world.lodge(
            *(
                any_world.forged(lot_id, FIRMS[0], kind, n)
                for kind in (BID, "x")
                for n in range(2, 22)
            )
        )
        any_world.begin(lot_id)
        with any_world.office.read() as db:
            statement = sa.text("SELECT bidder_uscc, count(*) FROM opening_cell GROUP BY 1")
            kept = {str(name): int(count) for name, count in db.execute(statement)}
            entry = list(journal.entries(db, f"lot/{lot_id}"))[-1]
        assert kept == {FIRMS[0]: 5, FIRMS[1]: 1, FIRMS[2]: 1}
        assert (entry.data["crowded"], entry.data["unasked"]) == (1, 20)
        assert "opening.cells_per_kind_max" in entry.data["rules"]
        names = canonical.decode(any_world.office.vault.get(entry.documents[0].sha256))
        assert isinstance(names, list)
        assert [(n["found"], len(n["cells"])) for n in names] == [
            ({BID: 21}, 5),
            ({BID: 1}, 1),
            ({BID: 1}, 1),
        ]
        for firm in FIRMS[1:3]:
            any_world.give_half(lot_id, firm)

    def test_a_flood_below_the_maximum_displaces_nothing(self, world: World) -> None:
        lot_id = lodged(world)
        world.lodge(*(world.forged(lot_id, FIRMS[0], BID, LAST - n) for n in range(60)))
        assert prices(opened(world, lot_id)) == as_asked()

    def test_who_floods_cannot_choose_what_is_kept(self) -> None:
        """Drawn by a key that he does not have: neither the highest version nor the last batch is
        sure to stay, and the true cell stays about as often as its share."""
        true = cell(FIRMS[0], BID, 1, 0)
        flood = [cell(FIRMS[0], BID, LAST, n) for n in range(1, 20)]
        stayed = sum(
            true in sorted_cells([true, *flood], kept_max=5, key=bytes([n])).names[0].cells
            for n in range(200)
        )
        assert 25 <= stayed <= 80, "a quarter of 200"


def five_of(rule: Rule) -> Rule:
    is_maximum = rule.id == "opening.cells_per_kind_max"
    return dataclasses.replace(rule, value=5) if is_maximum else rule


def cell(sender: str, kind: str, version: int, number: int, minutes: int = 0) -> Found:
    """A cell as sorting sees it; its inside is of no account."""
    outer = Outer("lot/x", kind, sender, version, b"", b"", b"")
    return Found(ISSUED + timedelta(minutes=minutes), f"{number:064x}", outer)


def sorted_cells(found: Any, kept_max: int = 100, key: bytes = b"k") -> Sorted:
    return sort_cells(found, lambda sender: sender in FIRMS, kept_max, key)


SEALER = SeededEntropy(b"property")
KEY = DemoCustodian(b"c" * 32).private_key("lot/x", ISSUED, ISSUED)
PUBLIC_KEY = DemoCustodian(b"c" * 32).public_key("lot/x")
PAIR = {own: bytes([own]) * sealing.HALF_BYTES for own in (True, False)}


def sealed(kind: str, version: int, is_own: bool, number: int) -> Found:
    """A cell that can be opened, in the name of the first firm, with his half or the forger's."""
    made = sealing.seal(
        PUBLIC_KEY,
        "lot/x",
        kind,
        FIRMS[0],
        version,
        f"{kind} {version} {number}".encode(),
        SEALER,
        PAIR[is_own],
    )
    outer = sealing.open_outer(KEY, "lot/x", made.cell)
    assert outer is not None
    return Found(ISSUED, f"{number:064x}", outer)


class TestCounting:
    kinds = st.sampled_from([BID, WITHDRAWAL, GUARANTEE])
    cells = st.lists(st.tuples(st.sampled_from(FIRMS[:4]), kinds, st.integers(1, 4)), max_size=20)

    @given(cells, st.integers(1, 4), st.randoms(use_true_random=False))
    def test_the_order_of_the_cells_never_matters(
        self, cells: list[tuple[str, str, int]], kept_max: int, shuffler: Any
    ) -> None:
        found = [cell(*named, number, number % 3) for number, named in enumerate(cells)]
        result = sorted_cells(found, kept_max)
        shuffler.shuffle(found)
        assert sorted_cells(found, kept_max) == result
        assert [n.sender for n in result.names] == sorted({s for s, k, _ in cells if k == BID})
        for name in result.names:
            for kind, count in name.found.items():
                kept = [item for item in name.cells if item.outer.kind == kind]
                assert count == sum((s, k) == (name.sender, kind) for s, k, _ in cells)
                assert len(kept) == min(count, kept_max)

    def test_a_cell_lodged_twice_is_kept_once(self) -> None:
        twice = [cell(FIRMS[0], BID, 1, 7, minutes) for minutes in (5, 3, 4)]
        (name,) = sorted_cells(twice).names
        assert name.cells == (twice[1],)
        assert name.found == {BID: 3}

    def test_strangers_are_counted_by_name(self) -> None:
        found = [cell(s, BID, v, v) for s in (OUTSIDER, OPERATOR) for v in (1, 2)]
        assert sorted_cells(found) == Sorted((), strangers=2, unasked=0)

    @given(
        st.lists(st.tuples(kinds, st.integers(1, 4), st.booleans()), max_size=10),
        st.lists(st.tuples(kinds, st.integers(1, 9)), max_size=4),
    )
    def test_no_forgery_changes_what_counts(
        self, sent: list[tuple[str, int, bool]], more: list[tuple[str, int]]
    ) -> None:
        """The rule of the newest version, on his own cells alone; then with any others among them."""
        cells = [sealed(*named, number) for number, named in enumerate(sent)]
        alone = [item for item, (_, _, own) in zip(cells, sent, strict=True) if own]
        forged = [sealed(kind, version, False, 50 + n) for n, (kind, version) in enumerate(more)]
        result = what_counts(alone, PAIR[True])
        assert what_counts([*forged, *cells], PAIR[True]) == result
        mine = [(kind, version) for kind, version, own in sent if own]
        bids = [version for kind, version in mine if kind == BID]
        back = [version for kind, version in mine if kind == WITHDRAWAL]
        assert (result.bid is not None) == bool(bids)
        if result.bid is not None:
            assert result.bid.found.outer.version == max(bids)
            assert result.is_withdrawn == (max(back, default=0) >= max(bids))
        assert result.cells == len(mine)

    def test_a_withdrawal_of_appearance_covers_every_bid(self) -> None:
        bids = [cell(FIRMS[0], BID, version, version) for version in (1, 3)]
        assert not looks_withdrawn(bids)
        assert not looks_withdrawn([*bids, cell(FIRMS[0], WITHDRAWAL, 2, 9)])
        assert looks_withdrawn([*bids, cell(FIRMS[0], WITHDRAWAL, 3, 9)])

    def test_the_maximum_is_a_rule(self) -> None:
        assert book().rule("opening.cells_per_kind_max", date(2026, 10, 21)).number == 1000
