"""A lot from registration to the archive, on both databases; and again with the same seed."""

from datetime import timedelta
from pathlib import Path

from archive.canonical import digest
from archive.journal import service as journal
from archive.journal.entry import DocumentRef
from tests.builders import STAFF, bidder, make_office
from tests.trading.world import FIRMS, OPENING, TENDERER_ACTOR, World
from trading.awards import service as awards
from trading.awards.award import Candidate
from trading.calendar.legal import legal_day
from trading.money import Money
from trading.objections import service as objections
from trading.objections.objection import ObjectionStage, Outcome
from trading.opening import service as openings
from trading.projects import service as projects
from trading.projects.stages import Stage

REPORT = DocumentRef("report.json", "a" * 64, 10, "application/json")


def run_whole_lot(world: World) -> str:
    office = world.office
    lot_id = world.opened()
    with office.read() as db:
        opening = openings.opening(db, lot_id)
        assert [b.bidder for b in opening.bids] == sorted(FIRMS[:3])
        prices = {b.bidder: b.price for b in opening.bids}
    world.at(OPENING + timedelta(hours=6))
    with office.write() as tx:
        projects.mark_evaluated(tx, STAFF, lot_id, REPORT)
    candidates = [Candidate(n, f, prices[f], 9000 - n) for n, f in enumerate(FIRMS[:3], start=1)]
    with office.write() as tx:
        published = awards.publish_candidates(tx, STAFF, lot_id, candidates, REPORT)
    assert not published.is_late
    with office.write() as tx:
        raised = objections.raise_objection(
            tx, bidder(FIRMS[1]), lot_id, ObjectionStage.RESULT, "示例异议".encode()
        )
    with office.write() as tx:
        answer = "示例答复".encode()
        objections.answer_objection(tx, TENDERER_ACTOR, raised.id, Outcome.REJECTED, answer)
    world.at(published.publicity.ends_at)
    with office.write() as tx:
        award = awards.award(tx, TENDERER_ACTOR, lot_id)
    world.at(award.awarded_at + timedelta(days=5))
    with office.write() as tx:
        contract = awards.sign_contract(
            tx, TENDERER_ACTOR, lot_id, Money.yuan(4_500_000), "示例合同".encode()
        )
    assert (contract.winner_uscc, contract.is_late) == (FIRMS[0], False)
    with office.write() as tx:
        awards.publish_contract(tx, STAFF, lot_id)
    with office.write() as tx:
        lot = awards.mark_archived(tx, STAFF, lot_id, digest("dossier"))
    assert lot.stage is Stage.ARCHIVED
    return lot_id


def test_a_lot_goes_its_whole_way(any_world: World) -> None:
    lot_id = run_whole_lot(any_world)
    with any_world.office.read() as db:
        actions = [entry.action for entry in journal.entries(db, f"lot/{lot_id}")]
        assert journal.first_break_anywhere(db) is None
        clocks = awards.clocks(db, lot_id)
        stored = projects.lot(db, lot_id)
        assert awards.contract(db, lot_id).published_at is not None
        assert awards.dossier_root(db, lot_id) == digest("dossier")
        assert projects.project(db, stored.project_id).lots == (stored,)
        assert projects.lots(db, Stage.ARCHIVED, stored.centre_id, stored.project_id) == (stored,)
    assert actions == [
        "trading:lot:registered",
        "trading:lot:noticed",
        "trading:opening:begun",
        *["trading:opening:half"] * 3,
        "trading:opening:finished",
        "trading:lot:evaluated",
        "trading:candidates:published",
        "trading:objection:raised",
        "trading:objection:answered",
        "trading:award:made",
        "trading:contract:signed",
        "trading:contract:published",
        "trading:lot:archived",
    ]
    assert [clock.rule for clock in clocks] == [
        "candidates.publish_within",
        "award.within",
        "contract.within",
        "contract.publish_within",
    ]
    assert not any(clock.is_overdue(OPENING) for clock in clocks)
    assert stored.notice is not None
    assert stored.notice.preparation.day == legal_day(OPENING) - timedelta(days=1)


def test_the_same_seed_gives_the_same_ids(tmp_path: Path) -> None:
    ids = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        world = World(make_office(folder)).setup()
        lot_id = run_whole_lot(world)
        with world.office.read() as db:
            ids.append((lot_id, [o.id for o in objections.objections(db, lot_id)]))
        world.office.connections.dispose()
    assert ids[0] == ids[1]
