"""A small world for scenarios of trading: one centre, a tenderer, bidders, and their acts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from archive import sealing
from archive.actor import Actor, Role
from archive.custody import DemoCustodian
from archive.entropy import SeededEntropy
from archive.errors import Fault, Kind, Refusal
from archive.office import Office
from archive.words import Language, render
from tests.builders import CENTRE, STAFF, bidder
from trading.lodging import service as lodging
from trading.lodging.batch import Batch
from trading.lodging.bid import BID, WITHDRAWAL, Bid
from trading.money import Money
from trading.opening import service as openings
from trading.opening.opening import Opening, OpeningBegun
from trading.parties import service as parties
from trading.parties.party import Centre, Organisation, OrganisationKind
from trading.projects import service as projects
from trading.projects.project import (
    CommitteeSpec,
    Conclusion,
    FairReview,
    LotSpec,
    Notice,
    NoticeTerms,
    Project,
    Registration,
)
from trading.regime import ProjectKind, Regime
from trading.synthetic import synthetic_uscc

OPERATOR = synthetic_uscc(1, CENTRE, "12")
SUPERVISOR_USCC = synthetic_uscc(2, CENTRE, "11")
TENDERER = synthetic_uscc(3, CENTRE, "12")
AGENCY = synthetic_uscc(4, CENTRE)
OTHER_SUPERVISOR = synthetic_uscc(5, CENTRE, "11")
FIRMS = tuple(synthetic_uscc(100 + n, CENTRE) for n in range(8))
OUTSIDER = synthetic_uscc(999, CENTRE)
TENDERER_ACTOR = Actor("tenderer-1", frozenset({Role.TENDERER}), party_id=TENDERER)

ISSUED = datetime(2026, 10, 21, 2, 0, tzinfo=UTC)
OPENING = datetime(2026, 11, 11, 1, 0, tzinfo=UTC)
"""21 days after the issue: 09:00 in Shanghai on a Wednesday."""


def registration(**changes: Any) -> Registration:
    base = Registration(
        name="示例道路工程0001",
        regime=Regime.ZTB,
        kind=ProjectKind.WORKS,
        division_code=CENTRE,
        centre_id=CENTRE,
        tenderer_uscc=TENDERER,
        agency_uscc=AGENCY,
        supervisor_uscc=SUPERVISOR_USCC,
        government_invested=True,
        fair_review=FairReview(
            SUPERVISOR_USCC, date(2026, 10, 10), Conclusion.FITS, "", "示例审查结论".encode()
        ),
        order_notice=date(2026, 10, 12),
        lots=(lot_spec(),),
    )
    return replace(base, **changes)


def lot_spec(**changes: Any) -> LotSpec:
    base = LotSpec(
        name="示例标段",
        estimate=Money.yuan(5_000_000),
        price_ceiling=Money.yuan(4_800_000),
        committee=CommitteeSpec({"A080304": 4}, representatives=1),
        deposit_charged=Money.yuan(80_000),
        bid_validity_days=90,
        method={"kind": "COMPREHENSIVE"},
    )
    return replace(base, **changes)


def notice_terms(**changes: Any) -> NoticeTerms:
    base = NoticeTerms(ISSUED, OPENING, OPENING + timedelta(hours=2), "示例招标公告".encode())
    return replace(base, **changes)


@dataclass
class World:
    """An office with parties, and the acts of its people in one line each."""

    office: Office
    custodian: DemoCustodian = field(default_factory=lambda: DemoCustodian(b"c" * 32))
    halves: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def setup(self) -> World:
        kinds = OrganisationKind
        named = [
            (OPERATOR, "示例交易中心", kinds.OPERATOR),
            (SUPERVISOR_USCC, "示例监督局", kinds.SUPERVISOR),
            (OTHER_SUPERVISOR, "另一示例监督局", kinds.SUPERVISOR),
            (TENDERER, "示例建设单位", kinds.TENDERER),
            (AGENCY, "滇示例招标代理有限公司", kinds.AGENCY),
            *((uscc, f"滇示例建设{n:04d}有限公司", kinds.COMPANY) for n, uscc in enumerate(FIRMS)),
        ]
        with self.office.write() as tx:
            parties.register_organisations(
                tx, STAFF, [Organisation(uscc, name, kind, CENTRE) for uscc, name, kind in named]
            )
            parties.register_centres(
                tx, STAFF, [Centre(CENTRE, "示例中心", CENTRE, OPERATOR, 100.23, 25.6)]
            )
        return self

    def at(self, moment: datetime) -> None:
        self.office.clock.move_to(moment)  # type: ignore[attr-defined]

    def register(self, **changes: Any) -> Project:
        with self.office.write() as tx:
            return projects.register_project(tx, STAFF, registration(**changes))

    def publish(self, lot_id: str, **changes: Any) -> Notice:
        with self.office.write() as tx:
            return projects.publish_notice(tx, STAFF, lot_id, notice_terms(**changes))

    def noticed(self, **changes: Any) -> str:
        """A lot whose notice stands, an hour later."""
        lot_id = self.register(**changes).lots[0].id
        self.publish(lot_id)
        self.at(ISSUED + timedelta(hours=1))
        return lot_id

    def half(self, lot_id: str, sender: str) -> bytes:
        """The one half that a sender keeps for a lot."""
        made = SeededEntropy(f"{lot_id}{sender}".encode()).bytes(sealing.HALF_BYTES)
        return self.halves.setdefault((lot_id, sender), made)

    def cell(
        self,
        lot_id: str,
        sender: str,
        content: bytes,
        kind: str = BID,
        version: int = 1,
        half: bytes | None = None,
    ) -> bytes:
        """A cell in the name of `sender`; his own where no other `half` is given."""
        key = self.custodian.public_key(f"lot/{lot_id}")
        entropy = SeededEntropy(f"{sender}{kind}{version}".encode())
        half = half or self.half(lot_id, sender)
        subject = f"lot/{lot_id}"
        return sealing.seal(key, subject, kind, sender, version, content, entropy, half).cell

    def forged(self, lot_id: str, sender: str, kind: str, version: int, yuan: int = 1) -> bytes:
        """What a rival seals in the name of `sender`: all right but the half, which he made up."""
        bid = Bid(lot_id, sender, Money.yuan(yuan), 180, "合格")
        content = bid.to_bytes() if kind == BID else kind.encode()
        return self.cell(lot_id, sender, content, kind, version, b"f" * 32)

    def bid_cell(self, lot_id: str, sender: str, yuan: int = 4_500_000, version: int = 1) -> bytes:
        bid = Bid(lot_id, sender, Money.yuan(yuan), 180, "合格")
        return self.cell(lot_id, sender, bid.to_bytes(), BID, version)

    def withdrawal(self, lot_id: str, sender: str, version: int) -> bytes:
        return self.cell(lot_id, sender, b"", WITHDRAWAL, version)

    def lodge(self, *cells: bytes) -> Batch:
        with self.office.write() as tx:
            return lodging.lodge(tx, cells)

    def begin(self, lot_id: str) -> OpeningBegun:
        self.at(OPENING)
        with self.office.write() as tx:
            return openings.begin_opening(tx, STAFF, lot_id, self.custodian)

    def give_half(self, lot_id: str, uscc: str, half: bytes | None = None) -> None:
        with self.office.write() as tx:
            half = self.halves[lot_id, uscc] if half is None else half
            openings.submit_half(tx, bidder(uscc), lot_id, uscc, half)

    def finish(self, lot_id: str) -> Opening:
        with self.office.write() as tx:
            return openings.finish_opening(tx, STAFF, lot_id)

    def opened(self, firms: tuple[str, ...] = FIRMS[:3], **changes: Any) -> str:
        """A lot whose bids were read out; the n-th firm asks 4,500,000 + n × 10,000 yuan."""
        lot_id = self.noticed(**changes)
        self.lodge(*(self.bid_cell(lot_id, f, 4_500_000 + n * 10_000) for n, f in enumerate(firms)))
        self.begin(lot_id)
        for firm in firms:
            self.give_half(lot_id, firm)
        self.finish(lot_id)
        return lot_id


@contextmanager
def refused(code: str, kind: Kind, rule: str | None = None) -> Iterator[list[Refusal]]:
    """The block is refused so; the sentence can be said in both languages."""
    caught: list[Refusal] = []
    with pytest.raises(Refusal) as info:
        yield caught
    refusal = info.value
    caught.append(refusal)
    assert (refusal.code, refusal.kind) == (code, kind), refusal
    if rule is not None:
        assert refusal.rule == rule
    for language in Language:
        sentences: list[Refusal | Fault] = [refusal, *refusal.faults]
        for said in sentences:
            assert not render(said, language).startswith("["), said


def faults_of(caught: list[Refusal]) -> dict[str, str]:
    """Pointer → code of every fault of the refusal."""
    return {fault.pointer: fault.code for fault in caught[0].faults}
