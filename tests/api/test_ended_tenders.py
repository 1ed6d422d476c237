"""The file of a tender that came to nothing: sealed, verified offline, and still what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.commands.verify import verifiers
from api.flows import completing
from api.flows.dossier import REQUIRED_OF_CONTRACTED, required_of
from api.flows.names import OPEN_TASK
from api.handlers import handlers
from archive.actor import Role
from archive.errors import Kind
from archive.office import Office
from archive.tasks.service import Worker, enqueue
from archive.verification.report import Verdict
from archive.verify import verify
from tests.builders import STAFF
from tests.trading.world import OPENING, TENDERER_ACTOR, World, refused
from trading.awards import service as awards
from trading.projects import service as projects
from trading.projects.stages import Stage


@pytest.fixture
def world(office: Office) -> World:
    return World(office).setup()


class TestTheFile:
    """档案法 第十四条; DA/T 103-2024: what a trade has brought about is archived, a failed one's
    too (招标投标法 第二十八条: fewer than three bidders, tendered anew)."""

    @pytest.mark.parametrize("stage", [Stage.FAILED, Stage.TERMINATED])
    def test_it_is_sealed_and_verifies(self, world: World, tmp_path: Path, stage: Stage) -> None:
        lot_id = world.noticed()
        known = handlers(world.custodian, tmp_path / "dossiers")
        worker = Worker(world.office, known, "test")
        if stage is Stage.TERMINATED:
            with world.office.write() as tx:
                projects.terminate_lot(tx, TENDERER_ACTOR, lot_id, "示例终止公告".encode())
        else:
            world.at(OPENING)
            with world.office.write() as tx:
                enqueue(tx, OPEN_TASK, {"lot": lot_id})
            worker.run_all_due()
        assert world_stage(world, lot_id) is stage
        with world.office.read() as db:
            seen = completing.result(db, STAFF, lot_id, tmp_path / "dossiers")
        assert seen.may_seal
        with world.office.write() as tx:
            completing.ask_dossier(tx, STAFF, lot_id)
        worker.run_all_due()
        assert world_stage(world, lot_id) is stage
        with world.office.read() as db:
            seen = completing.result(db, STAFF, lot_id, tmp_path / "dossiers")
            root = awards.dossier_root(db, lot_id)
        assert (seen.may_seal, seen.root) == (False, root)
        assert seen.files
        with refused("trading.archival.done", Kind.CONFLICT), world.office.write() as tx:
            completing.ask_dossier(tx, STAFF, lot_id)
        folder = tmp_path / "dossiers" / f"lot-{lot_id}"
        report = verify(folder, [world.office.log.verifier], verifiers())
        assert report.verdict is Verdict.VALID, [step for step in report.steps if step.findings]
        (document,) = (folder / "data" / "documents").glob("*tender_notice*")
        document.write_bytes(b"another notice")
        assert verify(folder, [world.office.log.verifier], verifiers()).verdict is Verdict.INVALID

    def test_one_under_way_is_not(self, world: World) -> None:
        lot_id = world.noticed()
        with refused("api.desk.not_contracted", Kind.CONFLICT), world.office.write() as tx:
            completing.ask_dossier(tx, STAFF, lot_id)

    def test_staff_seal_it_from_its_page(
        self, world: World, signed_in: Callable[[Role], TestClient]
    ) -> None:
        lot_id = world.noticed()
        with world.office.write() as tx:
            projects.terminate_lot(tx, TENDERER_ACTOR, lot_id, "示例终止公告".encode())
        staff = signed_in(Role.STAFF)
        page = staff.get(f"/centre/lots/{lot_id}")
        assert str(page.url).endswith("/result")
        assert "没有候选人" in page.text
        assert f'action="/centre/lots/{lot_id}/dossier"' in page.text
        headers = {"Origin": "http://testserver"}
        asked = staff.post(f"/centre/lots/{lot_id}/dossier", data={}, headers=headers)
        assert asked.status_code == 200
        assert "task=" in str(asked.url)

    def test_what_it_must_hold(self) -> None:
        """A contracted lot's file all of it, whatever its streams say; another's what it came to."""
        assert required_of(Stage.CONTRACTED, ()) == list(REQUIRED_OF_CONTRACTED)
        acts = {"trading:project:registered", "trading:lot:noticed", "trading:lot:terminated"}
        names = [one.document for one in required_of(Stage.TERMINATED, acts)]
        assert names == ["registration.json", "tender_notice", "termination_notice"]


def world_stage(world: World, lot_id: str) -> Stage:
    with world.office.read() as db:
        return projects.lot(db, lot_id).stage
