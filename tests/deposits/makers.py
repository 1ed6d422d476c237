"""Issuers for the tests of this room, and a small market on a real database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from archive.actor import SYSTEM, Actor, Role
from archive.clock import DrivenClock
from archive.custody import DemoCustodian
from archive.office import Office
from archive.sealing import HALF_BYTES, seal
from deposits.guarantees.document import GUARANTEE
from deposits.issuers import service as registry
from deposits.lot import demand_of
from deposits.service import deposit_lot, terms_for
from deposits.synthetic import issue, make_issuers, promise_for
from tests.builders import STAFF, bidder
from trading.lodging import service as lodging
from trading.lodging.bid import BID, PAYMENT, Bid
from trading.money import Money
from trading.opening import service as opening
from trading.parties import service as parties
from trading.parties.party import Centre, DishonestyRecord, Organisation, OrganisationKind
from trading.projects import service as projects
from trading.projects.project import (
    CommitteeSpec,
    Conclusion,
    FairReview,
    LotSpec,
    NoticeTerms,
    Registration,
    subject_of,
)
from trading.regime import ProjectKind, Regime
from trading.synthetic import synthetic_uscc

_NAMES = ("滇示例银行{:04d}", "滇示例财产保险公司{:04d}", "滇示例融资担保公司{:04d}")


def organisations(count: int) -> list[Organisation]:
    """Banks, insurers and guarantee companies in turn."""
    return [
        Organisation(
            synthetic_uscc(6_000_000 + n, "530102"),
            _NAMES[n % 3].format(n),
            OrganisationKind.ISSUER,
            "530102",
        )
        for n in range(count)
    ]


ISSUERS = make_issuers(b"deposits", organisations(6))


# --- A small market, from registration to the opening -------------------------------------

START = datetime(2025, 8, 25, 1, tzinfo=UTC)
OPENING = datetime(2025, 9, 18, 1, tzinfo=UTC)
OPENING_ON = date(2025, 9, 18)
PRICE = Money.yuan(4_500_000)
CENTRE_ID = "532901"
OPERATOR = synthetic_uscc(1, CENTRE_ID, "12")
TENDERER = synthetic_uscc(2, CENTRE_ID, "12")
SUPERVISOR = synthetic_uscc(3, CENTRE_ID, "11")
CLEAN, LISTED, UNKNOWN, ALSO_CLEAN = BIDDERS = tuple(
    sorted(synthetic_uscc(n, CENTRE_ID) for n in range(11, 15))
)
ACCOUNT_OF = {uscc: f"99990000{n:08d}" for n, uscc in enumerate(BIDDERS)}
"""The basic accounts (基本账户) of the bidders."""
CUSTODIAN = DemoCustodian(b"d" * 32)
TENDERER_ACTOR = Actor("tenderer-1", frozenset({Role.TENDERER}), party_id=TENDERER)


def make_market(office: Office) -> None:
    """Organisations, a centre, what is known of the bidders' honesty, and the issuers."""
    named = {
        OPERATOR: OrganisationKind.OPERATOR,
        TENDERER: OrganisationKind.TENDERER,
        SUPERVISOR: OrganisationKind.SUPERVISOR,
    } | dict.fromkeys(BIDDERS, OrganisationKind.COMPANY)
    with office.write() as tx:
        parties.register_organisations(
            tx,
            SYSTEM,
            [
                Organisation(
                    uscc, f"滇示例单位{n:04d}有限公司", kind, CENTRE_ID, ACCOUNT_OF.get(uscc, "")
                )
                for n, (uscc, kind) in enumerate(named.items())
            ],
        )
        centre = Centre(CENTRE_ID, "示例交易中心", CENTRE_ID, OPERATOR, 100.2, 25.6)
        parties.register_centres(tx, SYSTEM, [centre])
        for uscc, is_listed in ((CLEAN, False), (ALSO_CLEAN, False), (LISTED, True)):
            record = DishonestyRecord(uscc, "示例信用平台", START.date(), is_listed)
            parties.record_dishonesty(tx, SYSTEM, record)
        for made in ISSUERS:
            registry.register_issuer(tx, STAFF, made.issuer)


def make_lots(office: Office, *estimates: int, **change: Any) -> tuple[str, ...]:
    """One project with a noticed lot for each estimate in yuan, each charging what it may."""
    lots = tuple(
        LotSpec(
            name=f"示例标段{n}",
            estimate=Money.yuan(estimate),
            price_ceiling=Money.yuan(estimate),
            committee=CommitteeSpec({"A080104": 5}),
            deposit_charged=Money.yuan(estimate).times(Fraction(2, 100)),
            bid_validity_days=90,
            method={},
        )
        for n, estimate in enumerate(estimates)
    )
    registration = Registration(
        name="示例道路工程",
        regime=Regime.ZTB,
        kind=ProjectKind.WORKS,
        division_code=CENTRE_ID,
        centre_id=CENTRE_ID,
        tenderer_uscc=TENDERER,
        agency_uscc=None,
        supervisor_uscc=SUPERVISOR,
        government_invested=False,
        fair_review=FairReview(SUPERVISOR, START.date(), Conclusion.FITS, "", b"review"),
        order_notice=START.date(),
        lots=lots,
    )
    with office.write() as tx:
        project = projects.register_project(tx, STAFF, replace(registration, **change))
        for lot in project.lots:
            terms = NoticeTerms(tx.now, OPENING, OPENING, b"notice")
            projects.publish_notice(tx, STAFF, lot.id, terms)
    return tuple(lot.id for lot in project.lots)


def lodge(
    office: Office,
    lot_id: str,
    guarantees: Mapping[str, bytes],
    slips: Mapping[str, bytes] | None = None,
) -> dict[str, bytes]:
    """Seal and lodge a bid of every bidder, these guarantees and these slips of payments; each
    bidder's half opens all of his."""
    subject = subject_of(lot_id)
    key = CUSTODIAN.public_key(subject)
    cells, halves = [], {}
    with office.write() as tx:
        for uscc in BIDDERS:
            halves[uscc] = half = tx.entropy.bytes(HALF_BYTES)
            bid = Bid(lot_id, uscc, PRICE, 100, "合格").to_bytes()
            sent = {BID: bid} | ({GUARANTEE: guarantees[uscc]} if uscc in guarantees else {})
            if slips and uscc in slips:
                sent[PAYMENT] = slips[uscc]
            for kind, content in sent.items():
                cells.append(seal(key, subject, kind, uscc, 1, content, tx.entropy, half).cell)
        lodging.lodge(tx, cells)
    return halves


def open_lot(office: Office, lot_id: str, halves: Mapping[str, bytes]) -> dict[str, bytes]:
    """The whole opening; the guarantees that came out of the cells, by bidder."""
    clock = office.clock
    assert isinstance(clock, DrivenClock)
    clock.move_to(OPENING)
    with office.write() as tx:
        opening.begin_opening(tx, STAFF, lot_id, CUSTODIAN)
        for uscc, half in halves.items():
            opening.submit_half(tx, bidder(uscc), lot_id, uscc, half)
        opening.finish_opening(tx, STAFF, lot_id)
        return opening.envelopes(tx.db, lot_id, GUARANTEE)


def promises(office: Office, lot_id: str) -> dict[str, bytes]:
    """A guarantee of each bidder that just fulfils what the lot asks of him."""
    made = {}
    with office.read() as db:
        lot = deposit_lot(db, lot_id)
        for number, uscc in enumerate(BIDDERS):
            demand = demand_of(lot, uscc, terms_for(db, lot_id, uscc, OPENING_ON))
            if demand.due:
                by = ISSUERS[number]
                made[uscc] = issue(by, promise_for(by, demand, f"示例保函-{lot_id}-{number}"))
    return made
