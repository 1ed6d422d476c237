"""Artefacts: JSON documents that say their `format`, judged by the verifier of that format."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from archive import canonical
from archive.errors import Reason, Refusal

ArtefactVerifier: TypeAlias = Callable[[Any], Sequence[Reason]]
"""Judges a decoded artefact: what is wrong with it, or nothing. A Refusal counts as a fault."""


def format_of(data: bytes) -> str:
    """The `format` of a JSON object, however it is spelt; empty where there is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    found = value.get("format") if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def artefact_faults(data: bytes, verifiers: Mapping[str, ArtefactVerifier]) -> Sequence[Reason]:
    """What is wrong with a JSON artefact; nothing where its format is not among the verifiers."""
    verifier = verifiers.get(format_of(data))
    if verifier is None:
        return ()
    try:
        return tuple(verifier(canonical.decode(data)))
    except Refusal as refusal:
        return (refusal.reason, *(Reason(f.code, f.params) for f in refusal.faults))
    except Exception:
        # A verifier reads what an adversary wrote: what it cannot make sense of is not valid.
        return (Reason("archive.verify.artefact_form", {"format": format_of(data)}),)
