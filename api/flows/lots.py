"""Lots as pages show them: a centre's list, and one lot with its facts, clocks and story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from api.flows.places import names
from api.flows.story import Story, document, story
from archive.actor import Actor, Role
from archive.errors import Refusal
from archive.note import Signer
from archive.vault import Vault
from evaluation.session import service as sessions
from experts.draws import service as draws
from trading.acting import must_act_for, must_serve, must_watch, watches
from trading.awards import service as awards
from trading.awards.award import Clock
from trading.divisions import yunnan
from trading.money import Money
from trading.parties import service as parties
from trading.projects import service as projects
from trading.projects.project import Lot, Project
from trading.projects.stages import Stage

SETTLED = frozenset({Stage.CANDIDATES, Stage.AWARDED, Stage.CONTRACTED, Stage.ARCHIVED})
"""Stages from which on the committee is no secret."""


@dataclass(frozen=True)
class LotLine:
    """A lot in a list."""

    id: str
    name: str
    project_id: str
    regime: str
    stage: str
    tenderer: str
    ceiling: Money
    registered_at: datetime
    opening_at: datetime | None
    evaluation_at: datetime | None


@dataclass(frozen=True)
class LotSheet:
    """One lot with everything that its page tells."""

    lot: Lot
    project: Project
    centre: str
    guests: tuple[str, ...]
    """Names of the guest centres that the host names."""
    division: str
    tenderer: str
    agency: str
    supervisor: str
    clocks: tuple[Clock, ...]
    story: Story
    closed: tuple[str, ...]
    """The kinds of streams whose documents this reader is not given yet."""


def lots_of_centre(db: Session, actor: Actor) -> list[LotLine]:
    """The lots of the actor's centre; of all centres for an account that no centre binds."""
    found = projects.lots(db, centre_id=actor.centre_id or None)
    named = parties.organisations(db, {lot.tenderer_uscc for lot in found})
    return [
        LotLine(
            id=lot.id,
            name=lot.name,
            project_id=lot.project_id,
            regime=lot.regime.value,
            stage=lot.stage.value,
            tenderer=named[lot.tenderer_uscc].name,
            ceiling=lot.price_ceiling,
            registered_at=lot.registered_at,
            opening_at=lot.notice.opening_at if lot.notice else None,
            evaluation_at=lot.notice.evaluation_at if lot.notice else None,
        )
        for lot in found
    ]


def lot_sheet(db: Session, log: Signer, actor: Actor, lot_id: str) -> LotSheet:
    """One lot for staff of its centre, a supervisor or its tenderer; FORBIDDEN for others.

    Before the opening nothing of it knows who bids: that stands in no stream and in no table.
    """
    lot = projects.lot(db, lot_id)
    project = projects.project(db, lot.project_id)
    usccs = [lot.tenderer_uscc, lot.supervisor_uscc, *filter(None, [lot.agency_uscc])]
    named = parties.organisations(db, usccs)
    division = yunnan().get(lot.division_code)
    centres = names(db) if lot.guests else {}
    return LotSheet(
        lot=lot,
        project=project,
        centre=parties.centre(db, lot.centre_id).name,
        guests=tuple(centres.get(guest, guest) for guest in lot.guests),
        division=division.name if division else lot.division_code,
        tenderer=named[lot.tenderer_uscc].name,
        agency=named[lot.agency_uscc].name if lot.agency_uscc else "",
        supervisor=named[lot.supervisor_uscc].name,
        clocks=awards.clocks(db, lot_id),
        story=story(db, log, streams_of(db, actor, lot_id)),
        closed=() if _may_read_draws(actor, lot) else ("draw",),
    )


def streams_of(db: Session, actor: Actor, lot_id: str) -> Sequence[str]:
    """The streams that tell a lot's story to this reader. Staff and supervisors read those of the
    draws and the session too; to the tenderer the committee is secret until the result is settled
    (招标投标法 第三十七条), so his story has the project's and the lot's alone."""
    lot = projects.lot(db, lot_id)
    is_official = may_read_all(actor, lot)
    if not is_official:
        actor.must_be(Role.STAFF, Role.SUPERVISOR, Role.TENDERER)
        must_watch(actor, lot.supervisor_uscc)
        must_act_for(actor, lot.tenderer_uscc, lot.agency_uscc)
    streams = [f"project/{lot.project_id}", lot.subject]
    if is_official:
        streams += [f"draw/{draw.id}" for draw in draws.draws_of_lot(db, lot_id)]
        session = sessions.session_of_lot(db, lot_id)
        streams += [f"session/{session.id}"] if session else []
    return streams


def lot_document(
    db: Session, vault: Vault, actor: Actor, lot_id: str, sha256: str
) -> tuple[str, bytes]:
    """(name, content) of a document of the lot's story. What a draw keeps names experts: it is
    handed out when the candidates are known, to supervisors at any time."""
    streams = streams_of(db, actor, lot_id)
    if not _may_read_draws(actor, projects.lot(db, lot_id)):
        streams = [stream for stream in streams if not stream.startswith("draw/")]
    return document(db, vault, streams, sha256)


def _may_read_draws(actor: Actor, lot: Lot) -> bool:
    return Role.SUPERVISOR in actor.roles or lot.stage in SETTLED


def may_read_all(actor: Actor, lot: Lot) -> bool:
    """Whether this is staff of the lot's centre, its supervisor or the province's."""
    if Role.SUPERVISOR in actor.roles and watches(actor, lot.supervisor_uscc):
        return True
    try:
        actor.must_be(Role.STAFF)
        must_serve(actor, lot.centre_id)
    except Refusal:
        return False
    return True
