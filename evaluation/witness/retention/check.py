"""Whether what was deleted of a session's recordings was deleted by the rule, judged from the records alone.

The session's own record says what each digest is of: a camera of a station bound as security video, or evaluation record,
which never ends. The stream `media/<session>` says what was deleted and when, with the list as a document, and whether a
supervisor forbade it then. Pure. What cannot be seen here: whether an objection was unanswered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from archive import canonical
from archive.clock import SHANGHAI
from archive.errors import Reason
from archive.journal.entry import Entry
from evaluation.witness.media.kinds import Retention, Use, What, retention_of
from evaluation.witness.media.named import named
from evaluation.witness.rules import security_days_on
from evaluation.witness.watch import WITNESS
from trading.regime import Regime

LIST_FORMAT = "bigloop.discarded-media.v1"


def deletions(
    entries: Sequence[Entry], keeping: Iterable[Entry], document: Callable[[str], bytes]
) -> Iterator[tuple[str, Reason | None]]:
    """Each digest that was deleted, with what is wrong with that; None for what was deleted by the rule.

    `entries`: the session's; `keeping`: those of its stream of deletions, whose `document`s are lists."""
    reported = _security_video(entries)
    first = entries[0]
    regime, region = Regime(first.data.get("regime", Regime.ZTB)), first.data.get("region", "CN")
    days = security_days_on(first.at.astimezone(SHANGHAI).date(), regime, region)
    is_held = False
    for entry in keeping:
        act = entry.action.rpartition(":")[2]
        if act in ("held", "released"):
            is_held = act == "held"
        if act != "discarded":
            continue
        for piece in _listed(document(entry.documents[0].sha256)):
            digest = piece["sha256"]
            seen = [at for at in reported.get(digest, ()) if at <= entry.at]
            if not seen:
                yield digest, Reason("evaluation.recording.deleted_evaluation")
            elif is_held:
                yield digest, Reason("evaluation.recording.deleted_held")
            elif max(seen) + timedelta(days=days) > entry.at:
                yield digest, Reason("evaluation.recording.deleted_early", {"days": days})
            else:
                yield digest, None


def _security_video(entries: Iterable[Entry]) -> dict[str, list[datetime]]:
    """When each digest of security video was reported; none that is evaluation record too."""
    uses: dict[str, Use] = {}
    found: dict[str, list[datetime]] = {}
    kept: set[str] = set()
    for entry in entries:
        if entry.action == f"{WITNESS}station_bound":
            uses[entry.data["station"]] = Use(entry.data.get("use", Use.EVALUATION))
        medium = named(entry)
        if medium is None:
            continue
        # Whatever was not bound is kept, as everything is that nobody classed.
        use = uses.get(entry.data.get("source", {}).get("station", ""), Use.EVALUATION)
        what = What(entry.data["what"]) if "what" in entry.data else None
        if retention_of(use, what) is Retention.SECURITY:
            found.setdefault(medium.sha256, []).append(entry.at)
        else:
            kept.add(medium.sha256)
    return {digest: times for digest, times in found.items() if digest not in kept}


def _listed(data: bytes) -> list[Any]:
    value = canonical.decode(data)
    if value["format"] != LIST_FORMAT:
        raise ValueError("not a list of deleted media")
    return list(value["media"])
