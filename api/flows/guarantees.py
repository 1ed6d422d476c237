"""Guarantees as pages show them: a centre's, a lot's before its tenderer, a bidder's own, an issuer's,
and what the supervisor watches: what was found invalid, and what issuers refused.

Reads only. Nothing is shown of a lot before its opening, for nothing is known; an issuer's applications
are his own and come from his desk (`api.flows.buying`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.vault import Vault
from deposits.guarantees import service as guarantees
from deposits.guarantees.demands import service as demands
from deposits.guarantees.demands.demand import GuaranteeDemand
from deposits.guarantees.extending import service as extending
from deposits.guarantees.extending.endorsement import Endorsement, EndorsementState
from deposits.guarantees.record import GuaranteeRecord
from deposits.guarantees.states import IN_FORCE, GuaranteeState, Step
from deposits.issuers import service as registry
from deposits.refunds.ends import Extension
from deposits.refunds.extensions import service as extensions
from trading.acting import must_act_for, must_serve, must_watch, watches
from trading.parties import service as parties
from trading.projects import service as projects
from trading.projects.project import Lot

_PAYING = EndorsementState.PAYING
_OPEN = frozenset({EndorsementState.ASKED, EndorsementState.QUOTED, _PAYING})


@dataclass(frozen=True)
class GuaranteeLine:
    """One guarantee with the names that belong to it."""

    record: GuaranteeRecord
    lot: Lot
    bidder: str
    issuer: str
    demands: tuple[GuaranteeDemand, ...]
    endorsement: Endorsement | None = None
    """The last asking for a later end."""

    @property
    def can_demand(self) -> bool:
        held = self.record.state in IN_FORCE or self.record.state is GuaranteeState.REFUSED
        return held and bool(self.record.code)

    @property
    def can_extend(self) -> bool:
        is_paid = self.endorsement is not None and self.endorsement.state is _PAYING
        return self.record.state in IN_FORCE and bool(self.record.code) and not is_paid

    @property
    def later(self) -> Endorsement | None:
        """The later end that is on its way."""
        made = self.endorsement
        is_open = made is not None and made.state in _OPEN and self.record.state in IN_FORCE
        return made if is_open else None

    def is_over(self, today: date) -> bool:
        """Whether its last day is past while it is in force."""
        promise = self.record.promise
        return self.record.state in IN_FORCE and promise is not None and promise.valid_to < today


@dataclass(frozen=True)
class GuaranteeSheet:
    """One guarantee with its whole life; `extension` is what the tenderer asked last of the bids of
    its lot, with the bidder's answer."""

    line: GuaranteeLine
    steps: tuple[Step, ...]
    extension: tuple[Extension, bool | None] | None = None


def of_centre(db: Session, actor: Actor) -> tuple[GuaranteeLine, ...]:
    """All of a centre, the newest first. Refuses FORBIDDEN an account of no centre."""
    if not actor.centre_id:
        raise Refusal("api.money.no_centre", {}, Kind.FORBIDDEN)
    return _lines(db, guarantees.guarantees_of(db, centre_id=actor.centre_id))


def of_lot(db: Session, actor: Actor, lot_id: str) -> tuple[GuaranteeLine, ...]:
    """Those of a lot, before its tenderer. Refuses FORBIDDEN anybody else."""
    lot = projects.lot(db, lot_id)
    must_act_for(actor, lot.tenderer_uscc, lot.agency_uscc)
    return _lines(db, guarantees.guarantees(db, lot_id))


def own(db: Session, actor: Actor) -> tuple[GuaranteeSheet, ...]:
    """A bidder's own since the openings, the newest first."""
    if not actor.party_id:
        raise Refusal("trading.actor.party", {"actor": actor.id}, Kind.FORBIDDEN)
    found = _lines(db, guarantees.guarantees_of(db, bidder_uscc=actor.party_id))
    return tuple(
        GuaranteeSheet(
            line,
            guarantees.life(db, line.record.id).steps,
            extensions.extension_of(db, line.lot.id, actor.party_id),
        )
        for line in found
    )


def of_issuer(db: Session, actor: Actor) -> tuple[GuaranteeLine, ...]:
    """What an issuer's guarantees have become since they were restored."""
    if not actor.party_id:
        raise Refusal("trading.actor.party", {"actor": actor.id}, Kind.FORBIDDEN)
    return _lines(db, guarantees.guarantees_of(db, issuer_uscc=actor.party_id))


def sheet(db: Session, actor: Actor, guarantee_id: str) -> GuaranteeSheet:
    """One guarantee before its centre's staff. Refuses NOT_FOUND, FORBIDDEN."""
    record = guarantees.guarantee(db, guarantee_id)
    must_serve(actor, record.centre_id)
    (line,) = _lines(db, (record,))
    return GuaranteeSheet(line, guarantees.life(db, guarantee_id).steps)


def watched(db: Session, actor: Actor) -> tuple[GuaranteeLine, ...]:
    """What a supervisor sees of the lots that he watches: guarantees found invalid, and those on
    which something was demanded."""
    found = [
        line
        for line in _lines(db, guarantees.guarantees_of(db))
        if watches(actor, line.lot.supervisor_uscc)
    ]
    return tuple(x for x in found if x.demands or x.record.state is GuaranteeState.INVALID)


def document(
    db: Session, vault: Vault, actor: Actor, guarantee_id: str, sha256: str
) -> tuple[str, bytes]:
    """(name, content) of a document of a guarantee's life, for its centre and its supervisor. Refuses
    NOT_FOUND what belongs to no step of it."""
    record = guarantees.guarantee(db, guarantee_id)
    lot = projects.lot(db, record.lot_id)
    if Role.SUPERVISOR in actor.roles:
        must_watch(actor, lot.supervisor_uscc)
    else:
        must_serve(actor, record.centre_id)
    known = {step.document for step in guarantees.life(db, guarantee_id).steps}
    if record.file is not None:
        known.add(record.file.sha256)
    if sha256 not in known - {""}:
        raise Refusal(
            "deposits.guarantee.unknown", {"guarantee": guarantee_id[:40]}, Kind.NOT_FOUND
        )
    is_file = record.file is not None and record.file.sha256 == sha256
    name = record.file.name if is_file and record.file else f"{record.bidder_uscc}-{sha256[:8]}"
    return name, vault.get(sha256)


def _lines(db: Session, records: Iterable[GuaranteeRecord]) -> tuple[GuaranteeLine, ...]:
    found = list(records)
    lots = {r.lot_id: projects.lot(db, r.lot_id) for r in found}
    bidders = parties.organisations(db, {r.bidder_uscc for r in found})
    codes = {r.promise.issuer_uscc for r in found if r.promise}
    issuers = registry.issuers_by_code(db, codes)
    endorsed = extending.endorsements(db, [r.id for r in found])
    by_guarantee: dict[str, list[GuaranteeDemand]] = {}
    for each in demands.demands(db):
        by_guarantee.setdefault(each.guarantee_id, []).append(each)

    def issuer(record: GuaranteeRecord) -> str:
        if record.promise is None:
            return ""
        known = issuers.get(record.promise.issuer_uscc)
        return known.name if known else record.promise.issuer_uscc

    return tuple(
        GuaranteeLine(
            record=r,
            lot=lots[r.lot_id],
            bidder=bidders[r.bidder_uscc].name if r.bidder_uscc in bidders else r.bidder_uscc,
            issuer=issuer(r),
            demands=tuple(by_guarantee.get(r.id, ())),
            endorsement=endorsed.get(r.id),
        )
        for r in found
    )
