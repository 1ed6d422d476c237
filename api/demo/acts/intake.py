"""Acts before the day: registration, notice, an objection to a tender file, bids and guarantees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlmodel import Session

from api.demo import buying, paying, people
from api.demo.play import Act, Play
from api.demo.script import (
    DALI,
    TENDERS,
    BidScript,
    LotScript,
    ProjectScript,
    bid_content,
    lodging_place,
    pays_cash,
)
from api.flows import registration as intake
from archive import canonical, sealing
from archive.actor import Actor
from archive.clock import SHANGHAI
from archive.errors import Refusal
from archive.office import Office, Tx
from archive.tasks.service import Write
from deposits.guarantees.checks import Demand
from deposits.issuers.desk import IssuerSilent
from deposits.lot import demand_of
from deposits.service import deposit_lot, terms_for
from deposits.synthetic import issue, promise_for
from evaluation.session.synthetic import method_json
from trading.lodging import service as lodging
from trading.lodging.bid import BID, GUARANTEE, PAYMENT
from trading.objections import service as objections
from trading.objections.objection import ObjectionStage, Outcome
from trading.parties import service as parties
from trading.parties.party import DishonestyRecord
from trading.projects import service as projects
from trading.projects.project import (
    CommitteeSpec,
    Conclusion,
    FairReview,
    Lot,
    LotSpec,
    NoticeTerms,
    Registration,
)
from trading.projects.stages import Stage
from trading.regime import ProjectKind

BID_VALIDITY_DAYS = 90
UNDERWRITING = timedelta(hours=1)
"""So long before they lodge bidders buy their guarantees."""
ASKED_AGAIN = timedelta(minutes=1)
"""So much later a desk that was silent is asked again."""


def register(play: Play, args: Mapping[str, Any]) -> Write:
    """The host centre's staff take a project in. Where the local gate is on, they first try without
    the review document, and are refused."""
    project = play.projects[args["project"]]
    actor = people.staff(project.centre_id)
    registration = _registration(play, project)
    if project.division.startswith(DALI):
        _must_be_refused(play.office, actor, registration)

    def write(tx: Tx) -> None:
        registered = intake.register(tx, actor, registration)
        for lot in registered.lots:
            next_args = {"lot": lot.id, "key": play.key_of_name[lot.name]}
            play.later(tx, "notice", next_args, play.when(args).notice)

    return write


def _must_be_refused(office: Office, actor: Actor, registration: Registration) -> None:
    try:
        with office.write() as tx:
            intake.register(tx, actor, replace(registration, fair_review=None))
    except Refusal:
        return
    raise AssertionError("a registration without its review document was taken in")


def _registration(play: Play, project: ProjectScript) -> Registration:
    today = play.when({"project": project.key}).registration.astimezone(SHANGHAI).date()
    review = FairReview(
        reviewer_uscc=project.supervisor,
        reviewed_on=today - timedelta(days=3),
        conclusion=Conclusion.FITS,
        reason="",
        document=f"公平竞争审查结论(示例):{project.name} 符合".encode(),
    )
    return Registration(
        name=project.name,
        regime=project.regime,
        kind=ProjectKind(project.kind),
        division_code=project.division,
        centre_id=project.centre_id,
        tenderer_uscc=project.tenderer,
        agency_uscc=project.agency,
        supervisor_uscc=project.supervisor,
        government_invested=project.government_invested,
        fair_review=review,
        order_notice=today,
        lots=tuple(_lot_spec(play, project, lot) for lot in project.lots),
    )


def _lot_spec(play: Play, project: ProjectScript, lot: LotScript) -> LotSpec:
    return LotSpec(
        name=lot.name,
        estimate=lot.estimate,
        price_ceiling=lot.ceiling,
        committee=CommitteeSpec(lot.quotas, lot.representatives),
        deposit_charged=lot.deposit_charged,
        bid_validity_days=BID_VALIDITY_DAYS,
        method=method_json(f"{play.seed} {lot.key}".encode(), project.regime),
        overnight_expected=lot.overnight,
        slots=lot.slots,
    )


def notice(play: Play, args: Mapping[str, Any]) -> Write:
    """Staff publish the tender notice."""
    project, lot = play.lot(args)
    when = play.when(args)
    terms = NoticeTerms(
        issued_at=when.notice,
        opening_at=when.opening,
        evaluation_at=when.start(lot.first_part),
        document=f"招标公告(示例):{lot.name}".encode(),
    )

    def write(tx: Tx) -> None:
        intake.publish_notice(
            tx,
            people.staff(project.centre_id),
            args["lot"],
            replace(terms, issued_at=tx.now),
            play.custodian,
        )
        paying.open_account(tx, project.centre_id)
        if lot.objection == "FILE":
            play.later(tx, "object_to_file", args, when.file_objection)
        play.later(tx, "draw", args, when.draw)
        play.later(tx, "check_seats", args, when.plan + timedelta(minutes=30))
        play.later(tx, "halves", args, when.halves)
        if lot.late_bidder:
            play.later(tx, "lodge_late", args, when.opening)

    return write


def object_to_file(play: Play, args: Mapping[str, Any]) -> Write:
    """A company that means to bid objects to the tender file; the lot is suspended."""
    _, lot = play.lot(args)

    def write(tx: Tx) -> None:
        objections.raise_objection(
            tx,
            people.bidder(lot.bids[0].bidder),
            args["lot"],
            ObjectionStage.FILE,
            "对招标文件的异议(示例):资格条件表述不清。".encode(),
            interest="潜在投标人",
        )
        play.later(tx, "answer_objection", args, play.when(args).file_answer)

    return write


def answer_objection(play: Play, args: Mapping[str, Any]) -> Write:
    """The tenderer answers what is open."""
    project, _ = play.lot(args)

    def write(tx: Tx) -> None:
        for objection in objections.objections(tx.db, args["lot"]):
            if objection.closed_at is None:
                objections.answer_objection(
                    tx,
                    people.tenderer(project.tenderer),
                    objection.id,
                    Outcome.REJECTED,
                    "对异议的答复(示例):条件依据招标文件第二章。".encode(),
                )

    return write


def ask_registers(play: Play, args: Mapping[str, Any]) -> Write:
    """The credit registers are asked again about all companies."""
    records = play.province.parties.dishonesty

    def write(tx: Tx) -> None:
        today = tx.now.astimezone(SHANGHAI).date()
        fresh: list[DishonestyRecord] = [replace(r, queried_on=today) for r in records]
        parties.record_dishonesties(tx, people.staff("", 1), fresh)

    return write


def _patiently(act: Act) -> Act:
    """The act, tried again a little later while the issuers' desk is silent."""

    def tried(play: Play, args: Mapping[str, Any]) -> Write:
        try:
            return act(play, args)
        except IssuerSilent:
            return lambda tx: play.later(tx, act.__name__, args, tx.now + ASKED_AGAIN)

    return tried


@_patiently
def buy(play: Play, args: Mapping[str, Any]) -> Write:
    """Whoever lodges at this tick and gives a guarantee buys it now; the platform learns nothing."""
    now = play.when(args).lodgings[int(args["tick"])] - UNDERWRITING
    if play.issuers is not None:
        with play.office.read() as db:
            for lot, bid in _senders(play, db, args):
                if bid.gives_guarantee:
                    buying.buy(play.issuers, db, play.seed, lot.id, bid.bidder, now)
    return lambda tx: None


def _senders(play: Play, db: Session, args: Mapping[str, Any]) -> Iterator[tuple[Lot, BidScript]]:
    """Who lodges at a tick, for which lot."""
    ticks = play.when(args).lodgings
    for lot in projects.lots(db, stage=Stage.NOTICED):
        key = play.key_of_name.get(lot.name)
        if key is None or key.startswith(TENDERS) != (args["cohort"] == TENDERS):
            continue
        for bid in play.script[key][1].bids:
            if lodging_place(play.seed, lot.name, bid.bidder, ticks) == int(args["tick"]):
                yield lot, bid


@_patiently
def lodge(play: Play, args: Mapping[str, Any]) -> Write:
    """One lodging tick of the whole province: whoever sends now, for whatever lot, in one batch."""
    now = play.when(args).lodgings[int(args["tick"])]
    cells: list[bytes] = []
    with play.office.read() as db:
        for lot, bid in _senders(play, db, args):
            cells += _sealed(play, db, lot, bid, now)

    def write(tx: Tx) -> None:
        lodging.lodge(tx, cells)

    return write


def _sealed(play: Play, db: Session, lot: Lot, bid: BidScript, now: datetime) -> list[bytes]:
    """What one bidder sends for one lot: the bid, and a guarantee where he owes a deposit. One half
    of a key opens both."""
    lodging.check_lodging_open(db, now, lot.id)
    key = play.key_of_name[lot.name]
    send = partial(
        sealing.seal,
        play.custodian.public_key(lot.subject),
        lot.subject,
        sender=bid.bidder,
        version=1,
        entropy=play.office.entropy,
        bidder_half=play.half(key, bid.bidder),
    )
    cells = [send(kind=BID, content=canonical.encode(bid_content(lot.id, bid))).cell]
    terms = terms_for(db, lot.id, bid.bidder, now.astimezone(SHANGHAI).date())
    if bid.gives_guarantee and terms.due.fen:
        if play.issuers is not None:
            promise = buying.slip(play.issuers, db, play.seed, lot.id, bid.bidder, now)
        else:
            demand = demand_of(deposit_lot(db, lot.id), bid.bidder, terms)
            promise = _guarantee(play, key, bid.bidder, demand)
        cells.append(send(kind=GUARANTEE, content=promise).cell)
    elif terms.due and play.bank is not None and pays_cash(play.seed, lot.name, bid.bidder):
        slip = paying.pay(play.bank, db, play.seed, lot.id, bid.bidder, terms.due, now)
        cells.append(send(kind=PAYMENT, content=slip).cell)
    return cells


def _guarantee(play: Play, key: str, bidder: str, demand: Demand) -> bytes:
    issuers = [i for i in play.province.issuers if set(i.issuer.forms) & set(demand.forms)]
    chosen = issuers[sum(bidder.encode()) % len(issuers)]
    return issue(chosen, promise_for(chosen, demand, f"DEMO-{key}-{bidder[-6:]}"))


def lodge_late(play: Play, args: Mapping[str, Any]) -> Write:
    """A company comes at the very moment of the deadline: refused, and nothing is kept."""
    try:
        with play.office.read() as db:
            lodging.check_lodging_open(db, play.office.clock.now(), args["lot"])
    except Refusal:
        return lambda tx: None
    raise AssertionError("a bid after the deadline was taken")


ACTS = {
    "register": register,
    "notice": notice,
    "object_to_file": object_to_file,
    "answer_objection": answer_objection,
    "ask_registers": ask_registers,
    "buy": buy,
    "lodge": lodge,
    "lodge_late": lodge_late,
}
