"""Which function does which task: the names that services enqueue, and what runs then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from api.flows import avoidance, calling, dossier, ending, fair, opening, replanning, seating
from api.flows.filing import Filing
from api.flows.names import (
    AVOIDANCE_TASK,
    DOSSIER_TASK,
    FAIRNESS_TASK,
    FREE_TASK,
    OPEN_TASK,
    PLACES_TASK,
    PLAN_TASK,
    REPLAN_TASK,
)
from api.pages.record_viewer import viewer_files
from archive.cosignature import Cosigner
from archive.custody import Custodian
from archive.tasks.service import Handler
from deposits.cash import service as cash
from deposits.cash.bank import Bank, NoBank
from deposits.guarantees import service as guarantees
from deposits.guarantees.demands import service as demands
from deposits.guarantees.extending import service as extending
from deposits.guarantees.restoring import service as restoring
from deposits.issuers.desk import IssuersDesk, NoIssuers
from deposits.refunds import service as refunds
from deposits.refunds.orders import service as orders
from deposits.statements import service as statements
from evaluation.seating.proposals import service as proposals
from evaluation.witness.retention import service as retention
from experts.draws.asking import service as asking
from experts.invitations.calls import service as calls
from experts.invitations.course.service import CALL_TASK, NAMES_TASK, SETTLE_TASK
from experts.invitations.gateway import Gateway
from experts.invitations.unsealing import service as unsealing
from trading.objections import service as objections


def handlers(
    custodian: Custodian,
    dossiers: Path,
    bank: Bank | None = None,
    gateway: Gateway | None = None,
    issuers: IssuersDesk | None = None,
    outsiders: tuple[Cosigner, ...] = (),
) -> Mapping[str, Handler]:
    """The handlers of this installation; those that need the custodian, the folder of dossiers, the
    bank or the issuers (none: they are always silent), the calling service (none: nobody is called) or the outside witnesses
    are bound to them here."""
    bank = bank or NoBank()
    issuers = issuers or NoIssuers()
    return {
        AVOIDANCE_TASK: avoidance.look_task,
        OPEN_TASK: opening.begin_task(custodian),
        PLAN_TASK: seating.PLAN_DAY,
        REPLAN_TASK: replanning.PROPOSE,
        proposals.LAPSE_TASK: proposals.lapse_task,
        FAIRNESS_TASK: fair.MAKE,
        FREE_TASK: ending.free_task,
        retention.DISCARD_TASK: retention.discard_task(objections.suspended),
        DOSSIER_TASK: dossier.seal_task(Filing(dossiers, viewer_files, outsiders)),
        **asking.HANDLERS,
        CALL_TASK: calls.call_task(gateway, calling.invitation_text),
        SETTLE_TASK: calls.settle_task,
        NAMES_TASK: unsealing.seal_task(custodian),
        PLACES_TASK: calling.places_task(gateway),
        **guarantees.handlers(issuers),
        **restoring.handlers(issuers),
        **extending.handlers(issuers),
        **demands.handlers(issuers),
        cash.ASK_TASK: cash.ask_task(bank),
        cash.REFUND_TASK: refunds.refund_task,
        cash.STATEMENT_TASK: statements.statement_task(bank),
        orders.PAY_TASK: orders.pay_task(bank),
    }
