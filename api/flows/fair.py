"""The fairness report of a draw on demand: asked for by staff of its centre or by its supervisor, made by a
task, kept as a document of the draw's record, the same whoever asks (`experts.fairness.report`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from api.flows.names import FAIRNESS_TASK
from archive.actor import SYSTEM, Actor
from archive.errors import Kind, Reason, Refusal
from archive.journal import service as journal
from archive.office import Office, Tx
from archive.tasks.service import Cancelled, Long, Run, Write, enqueue
from archive.vault import Vault
from experts.draws import service as draws
from experts.draws.service import Draw
from experts.fairness.chances import NoCommittee
from experts.fairness.report import fairness
from experts.fairness.urn import urn_of_transcript
from trading.acting import must_serve, must_watch
from trading.projects import service as projects

REPORT_NAME = "fairness.json"
ASKED, MADE = "experts:fairness:asked", "experts:fairness:made"
NONE = Reason("experts.fairness.none")


@dataclass(frozen=True)
class Report:
    """A draw with its report as sentences; `task` makes it while there is none."""

    draw: Draw
    lot: str
    said: tuple[Reason, ...]
    task: str


def report(db: Session, vault: Vault, actor: Actor, draw_id: str) -> Report:
    """For staff of the draw's centre and its supervisor; FORBIDDEN for others."""
    draw, lot = _seen(db, actor, draw_id)
    said: tuple[Reason, ...] = ()
    task = ""
    for entry in journal.entries_of(db, f"draw/{draw_id}", (ASKED, MADE)):
        if entry.action == ASKED:
            task = str(entry.data["task"])
            continue
        kept = json.loads(vault.get(entry.documents[0].sha256))
        said = tuple(Reason(code, params) for code, params in kept["said"])
    return Report(draw, lot, said, task)


def document(db: Session, vault: Vault, actor: Actor, draw_id: str) -> bytes:
    """The report for a machine; NOT_FOUND while there is none."""
    _seen(db, actor, draw_id)
    for entry in journal.entries_of(db, f"draw/{draw_id}", (MADE,)):
        return vault.get(entry.documents[0].sha256)
    raise Refusal("api.fairness.none", {"draw": draw_id[:40]}, Kind.NOT_FOUND)


def ask(tx: Tx, actor: Actor, draw_id: str) -> str:
    """Ask for the report, once for a draw; the task that makes it."""
    _seen(tx.db, actor, draw_id)
    for entry in journal.entries_of(tx.db, f"draw/{draw_id}", (ASKED,)):
        return str(entry.data["task"])
    task = enqueue(tx, FAIRNESS_TASK, {"draw": draw_id})
    tx.record(f"draw/{draw_id}", ASKED, actor, {"task": task})
    return task


def _seen(db: Session, actor: Actor, draw_id: str) -> tuple[Draw, str]:
    draw = draws.draw(db, draw_id)
    lot = projects.lot(db, draw.lot_id)
    must_serve(actor, draw.centre_id)
    must_watch(actor, lot.supervisor_uscc)
    return draw, lot.name


def make(office: Office, args: Mapping[str, Any], run: Run) -> Write:
    """Task: simulate, bound, and keep the report. The same transcript gives the same report."""
    draw_id = args["draw"]
    with office.read() as db:
        told = draws.transcript(db, draw_id)

    def step(code: str) -> None:
        if not run.says(code):
            raise Cancelled

    seed = int.from_bytes(hashlib.sha256(draw_id.encode()).digest()[:8], "big")
    try:
        found = fairness(draw_id, urn_of_transcript(told), seed, step=step)
        figures, reasons = found.to_json(), found.reasons()
    except NoCommittee:
        figures, reasons = {}, [NONE]
    kept = {**figures, "said": [[reason.code, dict(reason.params)] for reason in reasons]}
    content = json.dumps(kept, ensure_ascii=False, sort_keys=True).encode()

    def write(tx: Tx) -> None:
        made = tx.vault.put(REPORT_NAME, "application/json", content)
        tx.record(f"draw/{draw_id}", MADE, SYSTEM, {}, (made,))

    return write


MAKE = Long(make)
