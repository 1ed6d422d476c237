"""Identity resolution at work: find likenesses, have a person decide, undo.

The stream `identities` records each decision by ids and codes. A confirmed company stands for all its
codes wherever avoidance looks (`Same`); a confirmed person keeps one record, which takes over the
units of the other, and the other leaves the pool. Both can be undone, by further entries.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from archive.actor import Actor, Role
from archive.errors import Kind as Refused
from archive.errors import Refusal
from archive.office import Tx
from experts.identities import queries
from experts.identities.companies import Same
from experts.identities.companies import likenesses as companies_alike
from experts.identities.persons import likenesses as persons_alike
from experts.identities.proposal import NEXT, Kind, Proposal, State
from experts.identities.tables import IdentityProposalRow
from experts.pool import service as pool
from experts.pool.expert import Status
from experts.pool.standing import service as standing
from experts.pool.standing.history import Cause
from experts.pool.standing.machine import Amend, Leave, Return
from trading.parties import service as parties

STREAM = "identities"
PROPOSALS_MAX = 500
"""Made by one search: more than a person looks through means that the data are at fault."""


@dataclass(frozen=True)
class Search:
    """What one search proposed, and whether there was more than it may propose."""

    made: int
    is_cut: bool


def companies(db: Session) -> Same:
    """The companies that are confirmed to be one under several codes."""
    return Same.of(queries.confirmed(db, Kind.COMPANY))


def search(tx: Tx, actor: Actor) -> Search:
    """Look through all organisations and experts for likenesses, and propose the new ones."""
    actor.must_be(Role.POOL, Role.SYSTEM)
    names = {uscc: each.name for uscc, each in parties.organisations(tx.db).items()}
    active = [e for e in pool.columns(tx.db).experts if e.status is not Status.LEFT]
    found = [(Kind.COMPANY, x.one, x.other, x.by) for x in companies_alike(names)]
    found += [(Kind.PERSON, x.one, x.other, x.by) for x in persons_alike(active)]
    known = queries.pairs(tx.db)
    new = [each for each in found if (each[0].value, each[1], each[2]) not in known]
    for kind, one, other, by in new[:PROPOSALS_MAX]:
        propose(tx, actor, kind, one, other, by)
    return Search(min(len(new), PROPOSALS_MAX), len(new) > PROPOSALS_MAX)


def propose(
    tx: Tx, actor: Actor, kind: Kind, one: str, other: str, by: tuple[str, ...]
) -> Proposal:
    """Propose that two records are one."""
    row = IdentityProposalRow(
        id=tx.new_id(),
        kind=kind.value,
        one=one,
        other=other,
        by=" ".join(by),
        state=State.OPEN.value,
        proposed_by=actor.id,
        proposed_at=tx.now,
    )
    tx.db.add(row)
    tx.db.flush()
    data = {"proposal": row.id, "kind": row.kind, "one": one, "other": other, "by": row.by}
    tx.record(STREAM, "experts:identity:proposed", actor, data)
    return row.to_domain()


def decide(tx: Tx, actor: Actor, proposal_id: str, *, is_same: bool) -> Proposal:
    """Confirm or reject a proposal. A person merges; CONFLICT where it was decided already."""
    actor.must_be(Role.POOL)
    row = _next(tx, proposal_id, State.CONFIRMED if is_same else State.REJECTED)
    if is_same and row.kind == Kind.PERSON.value:
        _merge(tx, actor, row)
    return _decided(tx, actor, row)


def undo(tx: Tx, actor: Actor, proposal_id: str) -> Proposal:
    """Take a confirmed merger back: the other record stands again, and the one gives back what it
    got by the merger."""
    actor.must_be(Role.POOL)
    row = _next(tx, proposal_id, State.UNDONE)
    if row.kind == Kind.PERSON.value:
        given = set(row.given.split())
        declared = pool.expert(tx.db, row.one).declared_units
        kept = [uscc for uscc in declared if uscc not in given]
        if given:
            standing.act(tx, actor, row.one, Amend({"declared": kept}, f"撤销合并 {row.other}"))
        standing.act(tx, actor, row.other, Return(f"撤销合并 {row.id}", is_parted=True))
    return _decided(tx, actor, row)


def proposals(db: Session) -> list[Proposal]:
    """All proposals, those that wait for somebody first."""
    return [row.to_domain() for row in queries.proposals(db)]


def _merge(tx: Tx, actor: Actor, row: IdentityProposalRow) -> None:
    one, other = pool.expert(tx.db, row.one), pool.expert(tx.db, row.other)
    given = sorted(set(other.units) - set(one.units))
    row.given = " ".join(given)
    standing.act(tx, actor, other.id, Leave(Cause.MERGED, f"与 {one.id} 为同一人"))
    if given:
        declared = [*one.declared_units, *given]
        standing.act(tx, actor, one.id, Amend({"declared": declared}, f"合并 {other.id}"))


def _next(tx: Tx, proposal_id: str, state: State) -> IdentityProposalRow:
    row = queries.locked(tx.db, proposal_id)
    if row is None:
        raise Refusal("experts.identity.unknown", {"proposal": proposal_id[:40]}, Refused.NOT_FOUND)
    if state not in NEXT[State(row.state)]:
        raise Refusal("experts.identity.decided", {"state": row.state}, Refused.CONFLICT)
    row.state = state.value
    return row


def _decided(tx: Tx, actor: Actor, row: IdentityProposalRow) -> Proposal:
    row.decided_by, row.decided_at = actor.id, tx.now
    tx.db.add(row)
    tx.db.flush()
    data = {"proposal": row.id, "one": row.one, "other": row.other, "kind": row.kind}
    tx.record(STREAM, f"experts:identity:{row.state.lower()}", actor, data)
    return row.to_domain()
