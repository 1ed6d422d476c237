"""A committee member's own matters: invitations, place, statements, sheet, and the answer to the report.

What a member may know grows with the procedure: an invitation names a time and an area; the centre
is named once the seats are confirmed; the lot, its tenderer and bidders when the member stands
identified at the venue, for then they are needed for the recusal statement (招标投标法 第三十七条).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session as Db

from api.flows import sealing
from api.flows.places import is_abroad, place
from archive.actor import Actor, Role
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Tx
from archive.vault import Vault
from evaluation.criteria import Item
from evaluation.ranking import Ranked
from evaluation.scoring import Cell
from evaluation.seating import service as seating
from evaluation.seating.checkin.service import assign_label
from evaluation.session import commands as c
from evaluation.session import service as sessions
from evaluation.session.machine import check_may_read, is_sealed
from evaluation.session.session import Session
from evaluation.session.state import FINAL, Member, Stage, Standing
from evaluation.sheets import service as sheets
from evaluation.stations.slots import holds_night
from evaluation.venues import service as venues
from evaluation.venues.venue import Venue
from experts.draws import service as draws
from experts.pool import service as pool
from trading.divisions import whole_kilometres, yunnan
from trading.parties import service as parties
from trading.projects import service as projects

RELEASED = "evaluation:seats:released"
ANSWERED_YES = "YES"
WRITING = frozenset({Stage.REVIEWING, Stage.PAUSE_REQUESTED, Stage.PAUSE_APPROVED})


@dataclass(frozen=True)
class Call:
    """An invitation as the invited sees it. `answer`: OPEN, YES, NO, SILENT, or LAPSED where the
    time to answer is over; of a yes what came of it, once its round is settled: SEATED, SPARE (lower
    ranks accepted too), LEFT (he sat and does not any more)."""

    draw_id: str
    evaluation_at: datetime
    area: str
    until: datetime | None
    answer: str


@dataclass(frozen=True)
class Desk:
    """A member's place in one session. `session` and `member` are None until it is scheduled;
    `centre` is empty until the seats are confirmed, `booth` until the member stands there."""

    id: str
    at: datetime
    area: str = ""
    centre: str = ""
    division: str = ""
    kilometres: int | None = None
    booth: str = ""
    has_seat: bool = False
    over_night: bool = False
    """The seat is held through a night: he does not go home in between."""
    moved_at: datetime | None = None
    """When the place was changed last, after it had been confirmed."""
    venue: Venue | None = None
    """What the shared directory says of the centre: the way there, meals, lodging."""
    session: Session | None = None
    member: Member | None = None
    host: str = ""
    lot: str = ""
    tenderer: str = ""
    bidders: tuple[str, ...] = ()
    """Names; these three only for a member who stands identified."""

    @property
    def stage(self) -> str:
        return self.session.stage.value if self.session else "PLANNED"

    @property
    def is_sealed(self) -> bool:
        return self.session is not None and is_sealed(self.session.state)

    @property
    def chair(self) -> str:
        return self.session.state.chair if self.session else ""

    @property
    def voted_for(self) -> str:
        """The seat that this member has voted for as chair."""
        if self.session is None or self.member is None:
            return ""
        return dict(self.session.state.chair_votes).get(self.member.expert_id, "")

    @property
    def may_chair(self) -> list[str]:
        """The seats whose members may be elected."""
        if self.session is None:
            return []
        rules, sitting = self.session.rules, self.session.state.sitting
        return [
            m.seat_code
            for m in sitting
            if m.standing is Standing.SITTING
            and (rules.chair_may_represent or not m.is_representative)
        ]


@dataclass(frozen=True)
class Row:
    """A bid in the grid; `is_valid`: it is not rejected so far."""

    bidder: str
    name: str
    is_valid: bool


@dataclass(frozen=True)
class Paper:
    """A member's sheet with everything that its page shows. `needed`: cells of a complete sheet."""

    session: Session
    member: Member
    items: tuple[Item, ...]
    rows: tuple[Row, ...]
    cells: Mapping[Cell, int]
    versions: Mapping[Cell, int]
    needed: int
    missing: int
    digest: str
    ranking: tuple[Ranked, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_locked(self) -> bool:
        nights = self.session.state.nights
        return bool(nights) and bool(nights[-1].locked_of(self.member.expert_id))

    @property
    def is_writable(self) -> bool:
        stage = self.session.stage
        return (
            stage in WRITING
            and self.member.is_admitted
            and not self.member.submitted
            and not (stage is Stage.PAUSE_APPROVED and self.is_locked)
        )


# --- Reading ----------------------------------------------------------------------------------


def calls(db: Db, actor: Actor, now: datetime) -> list[Call]:
    """The expert's invitations, those that wait for an answer first, then the newest."""
    found = []
    for invited in draws.invitations_of(db, actor.party_id):
        is_open = invited.answers_until is not None and now < invited.answers_until
        answer = invited.answer or ("OPEN" if is_open else "LAPSED")
        if answer == ANSWERED_YES and not is_open:
            answer = _became(db, actor, invited.draw_id)
        found.append(
            Call(
                draw_id=invited.draw_id,
                evaluation_at=invited.evaluation_at,
                area=area_name(invited.area),
                until=invited.answers_until,
                answer=answer,
            )
        )
    found.sort(key=lambda call: call.evaluation_at, reverse=True)
    return sorted(found, key=lambda call: call.answer != "OPEN")


def area_name(code: str) -> str:
    """The name of a division; the code where it is none of ours."""
    found = yunnan().get(code)
    return found.name if found else code


def desks(db: Db, actor: Actor) -> list[Desk]:
    """The member's places, the next ones last: of committees that have seats to come and of
    sessions, those that are void left out."""
    found = {}
    if Role.EXPERT in actor.roles:
        for invited in draws.invitations_of(db, actor.party_id):
            if invited.answer == ANSWERED_YES and _is_seated(db, actor, invited.draw_id):
                found[invited.draw_id] = desk(db, actor, invited.draw_id)
    for session in sessions.sessions(db, expert_id=actor.party_id):
        if session.stage is not Stage.VOID and session.id not in found:
            found[session.id] = desk(db, actor, session.id)
    return sorted(found.values(), key=lambda place: (place.at, place.id), reverse=True)


def desk(db: Db, actor: Actor, session_id: str) -> Desk:
    """The member's place in one session, or in the one to come of a draw that seated him; NOT_FOUND
    for everybody else."""
    session = _session_of(db, actor, session_id)
    invited = next(
        (one for one in draws.invitations_of(db, actor.party_id) if one.draw_id == session_id), None
    )
    if session is None and (invited is None or not _is_seated(db, actor, session_id)):
        raise _unknown(session_id)
    member = session.state.member(actor.party_id) if session else None
    at = invited.evaluation_at if invited else None
    if session is not None:
        at = session.state.starts_at or at or session.created_at
    assert at is not None, "either invited or in a session"
    known = Desk(session_id, at, area_name(invited.area) if invited else "")
    known = _with_place(db, actor, known, member)
    if session is None or member is None:
        return known
    named = _named(db, session) if member.identity else ("", "", ())
    return Desk(
        **{
            **vars(known),
            "session": session,
            "member": member,
            "host": parties.centre(db, session.centre_id).name,
            "lot": named[0],
            "tenderer": named[1],
            "bidders": named[2],
        }
    )


def _with_place(db: Db, actor: Actor, known: Desk, member: Member | None) -> Desk:
    own = {actor.party_id, *draws.seat_names(db, known.id, actor.party_id)}
    seat = next((s for s in seating.seats_of(db, known.id) if s.expert_id in own), None)
    centre_id = seat.centre_id if seat else member.centre_id if member else ""
    if not centre_id:
        return known
    centre = place(db, centre_id)
    kilometres = None
    if seat is not None:
        kilometres = whole_kilometres(pool.expert(db, actor.party_id), centre)
    return Desk(
        known.id,
        known.at,
        known.area,
        centre=centre.name,
        division="" if is_abroad(centre.division_code) else area_name(centre.division_code),
        kilometres=kilometres,
        booth=seat.label if seat else "",
        has_seat=seat is not None,
        over_night=seat is not None and holds_night(seat.slots),
        moved_at=_moved_at(db, known.id, seat.expert_id) if seat else None,
        venue=venues.entry(db, centre_id),
    )


def _moved_at(db: Db, session_id: str, name: str) -> datetime | None:
    """When a confirmed seat of this name was given up for another plan: the record of the session
    tells."""
    moments = [
        entry.at
        for entry in journal.entries(db, f"session/{session_id}")
        if entry.action == RELEASED and entry.data.get("for_plan") and name in entry.data["experts"]
    ]
    return moments[-1] if moments else None


def _named(db: Db, session: Session) -> tuple[str, str, tuple[str, ...]]:
    lot = projects.lot(db, session.lot_id)
    bidders = [bid.bidder for bid in session.state.bids]
    named = parties.organisations(db, [lot.tenderer_uscc, *bidders])
    names = {uscc: organisation.name for uscc, organisation in named.items()}
    tenderer = names.get(lot.tenderer_uscc, lot.tenderer_uscc)
    return lot.name, tenderer, tuple(names.get(bidder, bidder) for bidder in bidders)


def paper(db: Db, actor: Actor, session_id: str) -> Paper:
    """The member's sheet, empty before its first cell; CONFLICT for who is not admitted yet."""
    session, member = seat_of(db, actor, session_id)
    if not member.is_admitted:
        raise Refusal(
            "evaluation.session.not_admitted",
            {"command": "Sheet", "stage": session.stage.value, "seat": member.seat_code},
            Kind.CONFLICT,
            rule="session.identity",
        )
    check_may_read(session.state, member.expert_id)
    cells: Mapping[Cell, int] = {}
    versions: Mapping[Cell, int] = {}
    digest = ""
    valid = sheets.valid_bidders(session.state, session.rules)
    missing = needed = len(valid) * len(session.method.items)
    try:
        stored = sheets.sheet(db, session_id, member.expert_id)
    except Refusal as refusal:
        if refusal.kind is not Kind.NOT_FOUND:
            raise
    else:
        cells, versions = stored.sheet.cells, stored.versions
        missing, digest = len(stored.missing), stored.sheet.digest
    bidders = [bid.bidder for bid in session.state.bids]
    found = parties.organisations(db, bidders)
    names = {bidder: found[bidder].name if bidder in found else bidder for bidder in bidders}
    ranking: tuple[Ranked, ...] = ()
    if session.stage in (Stage.SCORED, Stage.REPORTED, Stage.CLOSED):
        ranking = tuple(sessions.result(db, session_id).ranking)
    return Paper(
        session=session,
        member=member,
        items=session.method.items,
        rows=tuple(Row(bidder, names[bidder], bidder in valid) for bidder in bidders),
        cells=cells,
        versions=versions,
        needed=needed,
        missing=missing,
        digest=digest,
        ranking=ranking,
        names=names,
    )


def report_body(db: Db, vault: Vault, actor: Actor, session_id: str) -> bytes:
    """The report that the member is to sign; NOT_FOUND before there is one."""
    session, _ = seat_of(db, actor, session_id)
    if not session.state.report:
        raise Refusal("api.member.no_report", {}, Kind.NOT_FOUND)
    return vault.get(session.state.report)


def seat_of(db: Db, actor: Actor, session_id: str) -> tuple[Session, Member]:
    """The session and the actor's seat in it; for everybody else it does not exist."""
    session = _session_of(db, actor, session_id)
    member = session.state.member(actor.party_id) if session else None
    if session is None or member is None:
        raise _unknown(session_id)
    return session, member


def _session_of(db: Db, actor: Actor, session_id: str) -> Session | None:
    try:
        found = sessions.session(db, session_id)
    except Refusal as refusal:
        if refusal.kind is not Kind.NOT_FOUND:
            raise
        return None
    own = found.state.member(actor.party_id) if actor.party_id else None
    if own is None or own.standing is Standing.REPLACED:
        raise _unknown(session_id)
    return found


def _became(db: Db, actor: Actor, draw_id: str) -> str:
    """What came of an acceptance."""
    if _is_seated(db, actor, draw_id):
        return "SEATED"
    return "LEFT" if actor.party_id in draws.who_sat(db, draw_id) else "SPARE"


def _is_seated(db: Db, actor: Actor, draw_id: str) -> bool:
    return any(m.expert_id == actor.party_id for m in draws.committee(db, draw_id))


def _unknown(session_id: str) -> Refusal:
    return Refusal("api.session.unknown", {"session": session_id}, Kind.NOT_FOUND)


# --- Acting -------------------------------------------------------------------------------------


def act(tx: Tx, actor: Actor, session_id: str, make: Callable[[str], c.Command]) -> Session:
    """Give the session the command that `make` makes of the member's id."""
    seat_of(tx.db, actor, session_id)
    command = make(actor.party_id)
    if isinstance(command, c.LockSheet) and not command.digest:
        command = c.LockSheet(command.expert_id, _begun(tx, actor, session_id))
    return sealing.act(tx, actor, session_id, command)


def _begun(tx: Tx, actor: Actor, session_id: str) -> str:
    """The digest of the empty sheet of one who has saved nothing, begun here: the night waits for his lock too.
    CONFLICT where he has saved something since, which he has not seen."""
    begun = sheets.save_cells(tx, actor, session_id, actor.party_id, {})
    if begun.versions:
        params = {"command": "LockSheet", "stage": "", "seat": begun.sheet.seat}
        code = "evaluation.session.other_draft"
        raise Refusal(code, params, Kind.CONFLICT, rule="session.lock")
    return begun.sheet.digest


def sign_text(
    tx: Tx,
    actor: Actor,
    session_id: str,
    name: str,
    text: str,
    shown: str,
    make: Callable[[str, str], c.Command],
) -> Session:
    """Sign a text by its digest and keep it. `shown` is the digest that stood under the text when
    the member signed; CONFLICT where the text has changed since."""
    seat_of(tx.db, actor, session_id)
    digest = text_digest(text)
    if shown != digest:
        raise Refusal("api.member.text_changed", {}, Kind.CONFLICT)
    document = tx.vault.put(f"{name}-{digest[:12]}.txt", "text/plain", text.encode())
    command = make(actor.party_id, digest)
    return sealing.act(tx, actor, session_id, command, documents=(document,))


def text_digest(text: str) -> str:
    """SHA-256 of the UTF-8 bytes of a text that somebody signs."""
    return hashlib.sha256(text.encode()).hexdigest()


def take_booth(tx: Tx, actor: Actor, session_id: str) -> None:
    """Draw the member's booth, once he stands identified at the venue."""
    session, member = seat_of(tx.db, actor, session_id)
    if not member.identity or session.stage in FINAL:
        raise Refusal(
            "evaluation.session.not_identified",
            {"command": "Booth", "stage": session.stage.value, "seat": member.seat_code},
            Kind.CONFLICT,
            rule="session.identity",
        )
    assign_label(tx, actor, session_id, actor.party_id)


def save(
    tx: Tx, actor: Actor, session_id: str, cell: Cell, hundredths: int, version: int
) -> sheets.StoredSheet:
    """Save one cell with the version that the writer saw."""
    seat_of(tx.db, actor, session_id)
    bidder, item = cell
    return sheets.save_cell(
        tx, actor, session_id, actor.party_id, bidder, item, hundredths, version
    )
