"""Intake of a project (受理登记): what trading registers, after every room has looked at its part.

The rooms' own checks come first and all faults of all rooms are shown at once: the committee's
composition and specialties (招标投标法 第三十七条), the evaluation method (the price's share, the weights), and the
deposit clause of the tender file (招标投标法实施条例 第二十六条). Then trading registers, with its own
faults. The opening key of a lot is published with its notice, and the opening is put on the calendar.
"""

from __future__ import annotations

from dataclasses import replace

from api.flows.names import OPEN_TASK
from api.flows.places import guest_faults
from archive.actor import Actor
from archive.clock import SHANGHAI
from archive.custody import Custodian
from archive.errors import Fault, Faults, Refusal
from archive.office import Tx
from archive.tasks.service import enqueue
from deposits.forms import GUARANTEES, DepositForm
from deposits.terms import TenderDeposit, check_tender_terms
from evaluation.criteria import parse_method
from evaluation.session.rules import price_share
from experts.composition import composition_faults
from experts.rules import rules_for
from experts.specialties import catalogue, request_faults
from trading.projects import service as projects
from trading.projects.project import LotSpec, Notice, NoticeTerms, Project, Registration
from trading.rules.book import book

CHARGED_FORMS = (DepositForm.TRANSFER, *GUARANTEES)
"""The forms that the tender files handled here admit; never cash, never a named institution."""


def register(tx: Tx, actor: Actor, registration: Registration) -> Project:
    """Register a project. INVALID with the faults of all rooms, each with its JSON pointer."""
    faults = Faults("trading.registration.invalid")
    for index, lot in enumerate(registration.lots):
        for fault in _faults_of_rooms(tx, registration, lot):
            faults.extend((replace(fault, pointer=f"/lots/{index}{fault.pointer}"),))
    try:
        project = projects.register_project(tx, actor, registration)
    except Refusal as refusal:
        faults.extend(refusal.faults)
        faults.refuse()
        raise
    faults.refuse()
    return project


def _faults_of_rooms(tx: Tx, registration: Registration, lot: LotSpec) -> list[Fault]:
    on = tx.now.astimezone(SHANGHAI).date()
    regime, region = registration.regime, registration.division_code
    found: list[Fault] = []
    rules = rules_for(book(), on, regime, region, registration.kind, lot.estimate, False)
    found += [
        replace(fault, pointer=f"/committee{fault.pointer}")
        for fault in composition_faults(
            sum(lot.committee.quotas.values()), lot.committee.representatives, rules.committee
        )
    ]
    for code in lot.committee.quotas:
        found += request_faults(f"/committee/quotas/{code}", code, None, catalogue())
    try:
        share = price_share(on, regime, region, registration.kind)
        parse_method(lot.method, regime, share)
    except Refusal as refusal:
        found += [replace(f, pointer=f"/method{f.pointer}") for f in refusal.faults]
    found += guest_faults(tx.db, registration.centre_id, lot.guests, on)
    clause = TenderDeposit(
        regime=regime,
        kind=registration.kind,
        region=region,
        estimate=lot.estimate,
        charged=lot.deposit_charged,
        government_invested=registration.government_invested,
        forms=CHARGED_FORMS if lot.deposit_charged else (),
    )
    found += [
        replace(fault, pointer=fault.pointer.replace("/deposit/charged", "/deposit_charged"))
        for fault in check_tender_terms(clause, on)
    ]
    return found


def publish_notice(
    tx: Tx, actor: Actor, lot_id: str, terms: NoticeTerms, custodian: Custodian
) -> Notice:
    """Publish the notice with the lot's opening key; the opening comes by itself at its hour."""
    notice = projects.publish_notice(tx, actor, lot_id, terms)
    subject = f"lot/{lot_id}"
    key = custodian.public_key(subject)
    tx.record(subject, "trading:lot:key_published", actor, {"opening_key": key.hex()})
    enqueue(tx, OPEN_TASK, {"lot": lot_id}, due_at=notice.opening_at)
    return notice
