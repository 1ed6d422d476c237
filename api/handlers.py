"""Which function does which task: the names that services enqueue, and what runs then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from api.flows import dossier, opening, replanning, seating
from api.flows.names import DOSSIER_TASK, OPEN_TASK, PLAN_TASK, REPLAN_TASK
from archive.custody import Custodian
from archive.tasks.service import Handler
from deposits.guarantees import service as guarantees
from experts.draws.asking import service as asking


def handlers(custodian: Custodian, dossiers: Path) -> Mapping[str, Handler]:
    """The handlers of this installation; those that need the custodian or the folder of dossiers
    are bound to them here."""
    return {
        OPEN_TASK: opening.begin_task(custodian),
        PLAN_TASK: seating.PLAN_DAY,
        REPLAN_TASK: replanning.PROPOSE,
        DOSSIER_TASK: dossier.seal_task(dossiers),
        **asking.HANDLERS,
        guarantees.VERIFY_TASK: guarantees.verify_task,
        guarantees.RELEASE_TASK: guarantees.release_task,
    }
