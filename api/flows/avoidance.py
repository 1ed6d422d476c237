"""Avoidance as the supervisor sees it: who was kept out by which rule and along which companies, how
much is drawn from the province's own pool, and what is found later.

Experts are not named and carry no id: in a draw each is `专家 1`, `专家 2`, … in the order of the
evidence. Three passes leave evidence: the request, the opening, and every later look when data have
changed. A later look at a committee that sits removes who is in conflict, from its session too, and the next
rank comes; where the session is over, it says whose conclusions are void (招标投标法实施条例 第四十八条、
第七十条), and the supervisor may order that another committee judges anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlmodel import Session as Db

from api.flows import substitution
from api.flows.names import AVOIDANCE_TASK
from archive import canonical
from archive.actor import SYSTEM, Actor
from archive.errors import Kind, Reason, Refusal
from archive.journal import service as journal
from archive.office import Office, Tx
from archive.tasks.service import Write, enqueue
from archive.vault import Vault
from experts.conflicts.rules import RULE_OF_REASON
from experts.draws import service as draws
from experts.draws.late import service as late
from experts.draws.request import State
from experts.draws.service import Draw
from experts.pool import service as pool
from experts.pool.expert import HOME_POOL
from trading.acting import watches
from trading.opening import service as opening
from trading.parties import service as parties
from trading.parties.party import Link
from trading.projects import service as projects
from trading.projects.stages import Stage
from trading.rules.book import book

EVIDENCE = {
    "draw-recusals.json": "REQUEST",
    "draw-recheck.json": "LATER",
    "draw-late-hit.json": "LATE",
}
"""The documents with evidence on a draw's stream, and the pass that made each."""
UNDECIDED = (
    Stage.REGISTERED, Stage.NOTICED, Stage.OPENING, Stage.OPENED, Stage.EVALUATED, Stage.CANDIDATES,
)  # fmt: skip
"""The stages of a lot before its award."""
LOOKED_AT = (State.INVITING, State.SEATED, State.CLOSED)
"""The states in which a committee is judged again."""


@dataclass(frozen=True)
class Hop:
    """One step of a chain of companies: names of both ends, and how they are bound."""

    owner: str
    owned: str
    relation: str
    share_permille: int


@dataclass(frozen=True)
class Found:
    """One reason for one expert of one draw."""

    draw_id: str
    draw: str
    lot: str
    passed: str
    expert: int
    rule: str
    code: str
    side: str
    unit: str
    party: str
    chain: tuple[str, ...]
    hops: tuple[Hop, ...]
    article: str


@dataclass(frozen=True)
class Late:
    """A member who should have recused himself, found when the session was over."""

    draw_id: str
    draw: str
    lot: str
    seat: str
    reasons: tuple[Reason, ...]
    found_at: datetime


@dataclass(frozen=True)
class Share:
    """How many drawn seats are held by experts of the province's own pool, and how many of them
    were drawn at the specialty asked for, not a wider one."""

    seats: int
    own_pool: int
    as_asked: int

    @property
    def own_permille(self) -> int | None:
        return self.own_pool * 1000 // self.seats if self.seats else None


def exclusions(db: Db, vault: Vault, actor: Actor) -> list[Found]:
    """Every reason with its evidence, of all draws that the actor watches, the newest draw first."""
    names = {uscc: each.name for uscc, each in parties.organisations(db).items()}
    links = _links(db)
    found = []
    for draw, lot in _draws(db, actor):
        number = f"{draw.centre_id}-{draw.number}"
        for passed, expert, reason in _evidence(db, vault, draw):
            params = reason.params
            chain = tuple(str(params.get("chain", "")).split(" – ")) if params.get("chain") else ()
            rule = RULE_OF_REASON.get(reason.code, "")
            found.append(
                Found(
                    draw.id,
                    number,
                    lot,
                    passed,
                    expert,
                    rule,
                    reason.code,
                    str(params.get("side", "")),
                    names.get(str(params.get("unit", "")), str(params.get("unit", ""))),
                    names.get(str(params.get("party", "")), str(params.get("party", ""))),
                    tuple(names.get(code, code) for code in chain),
                    tuple(_hops(chain, links, names)),
                    "、".join(dict.fromkeys(v.article for v in book().versions(rule))),
                )
            )
    return found


def by_rule(found: list[Found]) -> list[tuple[str, int]]:
    """How often each rule spoke, the most frequent first."""
    return Counter(each.code for each in found).most_common()


def share(db: Db, actor: Actor) -> Share:
    """Of the committees that the actor watches: seats by pool, and by how wide they were drawn."""
    asked, seated = 0, []
    for draw, _ in committees(db, actor):
        source = {q["specialty"]: q["source"] for q in draws.request_of(db, draw.id)["quotas"]}
        for member in draws.committee(db, draw.id):
            seated.append(member.expert_id)
            asked += source.get(member.specialty) == member.specialty
    of = pool.pools(db, seated)
    own = sum(of.get(expert_id) == HOME_POOL for expert_id in seated)
    return Share(len(seated), own, asked)


def look_again(tx: Tx, actor: Actor, draw_id: str) -> int:
    """Judge a committee again because data have changed; how many members were found. One that sits
    loses them to the next ranks; of one that is done it is recorded whose conclusions are void.
    NOT_FOUND for another department's."""
    draw = draws.draw(tx.db, draw_id)
    if not watches(actor, projects.lot(tx.db, draw.lot_id).supervisor_uscc):
        raise Refusal("experts.draw.unknown", {"draw": draw_id}, Kind.NOT_FOUND)
    return _look(tx, actor, draw)


def _look(tx: Tx, actor: Actor, draw: Draw) -> int:
    if draw.state is State.CLOSED:
        return len(late.look(tx, actor, draw.id, _bidders(tx.db, draw.lot_id)))
    removed = draws.recheck(tx, actor, draw.id, _bidders(tx.db, draw.lot_id)).removed
    substitution.void_conclusions(tx, actor, draw.id, [expert for expert, _ in removed])
    return len(removed)


def _bidders(db: Db, lot_id: str) -> tuple[str, ...]:
    """The bidders, once the opening has told them; nobody before (招标投标法 第二十二条)."""
    try:
        return opening.proven_bidders(db, lot_id)
    except Refusal as refusal:
        if refusal.kind not in (Kind.TOO_EARLY, Kind.CONFLICT):
            raise
        return ()


def look_everywhere(tx: Tx) -> int:
    """How companies are bound has changed: every committee of a lot that is not decided is judged again,
    each by a task. How many."""
    found = [
        draw.id
        for lot in projects.lots(tx.db)
        if lot.stage in UNDECIDED
        for draw in draws.draws_of_lot(tx.db, lot.id)
        if draw.state in LOOKED_AT
    ]
    for draw_id in found:
        enqueue(tx, AVOIDANCE_TASK, {"draw": draw_id})
    return len(found)


def look_task(_office: Office, args: Mapping[str, Any]) -> Write:
    """The third pass by itself: what changed about an expert is held against every committee that he
    sits or sat in; or a committee is judged again. Done twice it finds nothing new."""

    def write(tx: Tx) -> None:
        if "draw" in args:
            draw = draws.draw(tx.db, args["draw"])
            if draw.state in LOOKED_AT:
                _look(tx, SYSTEM, draw)
            return
        asked = {each.draw_id for each in draws.invitations_of(tx.db, args["expert"])}
        for draw in (draws.draw(tx.db, draw_id) for draw_id in sorted(asked)):
            if draw.state not in LOOKED_AT:
                continue
            seated = draws.committee(tx.db, draw.id)
            if any(member.expert_id == args["expert"] for member in seated):
                _look(tx, SYSTEM, draw)

    return write


def committees(db: Db, actor: Actor) -> list[tuple[Draw, str]]:
    """The committees that a later look can still change, or say something of."""
    return [(draw, lot) for draw, lot in _draws(db, actor) if draw.state in LOOKED_AT]


def late_hits(db: Db, actor: Actor) -> list[Late]:
    """Members of closed draws whose conclusions are void, the newest found first; by seat."""
    found = [
        Late(
            draw.id,
            f"{draw.centre_id}-{draw.number}",
            lot,
            hit.seat_code,
            hit.reasons,
            hit.found_at,
        )
        for draw, lot in _draws(db, actor)
        if draw.state in (State.CLOSED, State.VOIDED)
        for hit in late.late_hits(db, draw.id)
    ]
    return sorted(found, key=lambda each: each.found_at, reverse=True)


def _draws(db: Db, actor: Actor) -> list[tuple[Draw, str]]:
    found = [
        (draw, lot.name)
        for lot in projects.lots(db)
        if watches(actor, lot.supervisor_uscc)
        for draw in draws.draws_of_lot(db, lot.id)
    ]
    return sorted(found, key=lambda pair: pair[0].id, reverse=True)


def _evidence(db: Db, vault: Vault, draw: Draw) -> Iterator[tuple[str, int, Reason]]:
    numbers: dict[str, int] = {}
    for entry in journal.entries(db, f"draw/{draw.id}"):
        for document in entry.documents:
            if document.name not in EVIDENCE:
                continue
            for each in canonical.decode(vault.get(document.sha256)):
                number = numbers.setdefault(each["expert"], len(numbers) + 1)
                for reason in each["reasons"]:
                    yield EVIDENCE[document.name], number, Reason(reason["code"], reason["params"])


def _links(db: Db) -> Mapping[frozenset[str], Link]:
    """All links ever, by their ends; of several the one that began last."""
    found: dict[frozenset[str], Link] = {}
    for link in sorted(parties.all_links(db), key=lambda each: each.since):
        found[frozenset((link.owner_uscc, link.owned_uscc))] = link
    return found


def _hops(
    chain: tuple[str, ...], links: Mapping[frozenset[str], Link], names: Mapping[str, Any]
) -> Iterator[Hop]:
    for one, other in pairwise(chain):
        link = links.get(frozenset((one, other)))
        if link is None:
            yield Hop(names.get(one, one), names.get(other, other), "SAME", 0)
        else:
            yield Hop(
                names.get(link.owner_uscc, link.owner_uscc),
                names.get(link.owned_uscc, link.owned_uscc),
                link.relation.value,
                link.share_permille,
            )
