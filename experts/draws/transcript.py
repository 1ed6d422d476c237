"""The transcript of a draw (抽取记录), format `bigloop.draw.v1`: everything that is needed to draw
again and compare, and no name. There are two of them, with the same request, steps and result.

    format       "bigloop.draw.v1"
    scope        "public" or "audit"
    request      the request as fixed (`experts.draws.request.request_json`)
    candidates   ascending by leaf: {unit, area, specialties, record, place, in}; how a leaf is made of
                 the first four stands in `experts.draws.leaves`; `in`: whether he may be drawn.
                 The audit adds {person, facts, reasons}
    proof        the hashes that lead from these leaves to the pool's root
    steps        [{seq, kind, data, prev, hash}]: hash = SHA-256 of the canonical JSON of the other
                 four, prev the hash before (64 zeros at first). Each hash is on the record, on the
                 stream `draw/<id>`, at the time of the step.
    result       {state, members: [[seat, specialty, rank, leaf]]}
    audit        in the audit only, what the candidates were judged by (`experts.draws.grounds`):
                 {salt, context, rechecks, affiliations}: the context, the grounds of each RECHECKED,
                 and by digest the affiliations of either, line by line

The public transcript shows hashes, specialties, and how many were excluded by which rule; the audit
opens each candidate's facts (codes and dates, the id in the pool, no name), and all the links between
companies, so that the filter itself is checked, and the second check at the opening. It is for supervisors and courts.

Kinds of steps and their data:

    REQUESTED    {request}                                  the request's hash
    VALUE        {value}                                    the public value, where one is asked for
    ASKED        {asking, trustees, from, until}            who is asked, under which number
    OUTPUT       {trustee, proof}                           a trustee's proof (RFC 9381), in hex
    WITHHELD     {asking, trustees}                         who did not answer in time
    UNSEEDED     {left}                                     too few are left to ask
    DRAWN        {seed, attempt, fallback, committee: [[specialty, [leaf, …]], …]}
    ABORTED      {seed, attempts}                           not even the fallback found a committee
    INVITED      {round, until, invitations: [[group, rank, leaf], …]}
    EXTENDED     {round, until}      the calling service took no orders: the round ends later
    SETTLED      {round, accepted, declined, silent, seated: [[seat, specialty, rank, leaf], …]}
    RECHECKED    {bidders, grounds, affiliations, excluded: [leaf, …], reasons: {code: count},
                 removed: [seat, …]}      digests of the bidders, of salt ‖ grounds, and of the links
    SUBSTITUTED  {seat, leaf, cause}
    EXHAUSTED    {groups}                                   nobody left to invite for these
    ABANDONED    {cause}

It shows what the machine did with what it was given. It cannot show that the pool was complete or
that declared interests were true; candidates of other specialties stay closed leaves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from archive import canonical
from experts.draws.request import NO_PREDECESSOR, Candidate
from experts.invitations.process import Seat

FORMAT = "bigloop.draw.v1"
PUBLIC, AUDIT = "public", "audit"

LETTERS: Mapping[str, str] = {
    "REQUESTED": "r",
    "VALUE": "v",
    "ASKED": "a",
    "OUTPUT": "o",
    "WITHHELD": "w",
    "UNSEEDED": "u",
    "ABANDONED": "z",
    "ABORTED": "x",
    "DRAWN": "d",
    "INVITED": "i",
    "SETTLED": "s",
    "RECHECKED": "c",
    "SUBSTITUTED": "b",
    "EXTENDED": "t",
    "EXHAUSTED": "e",
}
"""A letter for each kind of step."""

ORDER = re.compile("rv?(z|a(o*wa)*(z|o*(wu|d[iscbt]*e?|x)?))?")
"""In which order steps may stand."""


def step_json(seq: int, kind: str, data: Mapping[str, Any], prev: str) -> dict[str, Any]:
    """One step with its hash."""
    said = {"seq": seq, "kind": kind, "data": data, "prev": prev}
    return {**said, "hash": canonical.digest(said)}


FIRST_PREV = NO_PREDECESSOR


def seat_json(seat: Seat) -> list[str | int]:
    return [seat.code, seat.specialty, seat.rank, seat.leaf]


def transcript_json(
    request: Mapping[str, Any],
    candidates: Iterable[Candidate],
    proof: bytes,
    steps: Sequence[Mapping[str, Any]],
    state: str,
    seats: Iterable[Seat],
) -> dict[str, Any]:
    """The public transcript as it stands."""
    return {
        "format": FORMAT,
        "scope": PUBLIC,
        "request": request,
        "candidates": [
            {
                "unit": c.unit,
                "area": c.area,
                "specialties": list(c.specialties),
                "record": c.record,
                "place": c.place,
                "in": not c.reasons,
            }
            for c in candidates
        ],
        "proof": [proof[i : i + 32].hex() for i in range(0, len(proof), 32)],
        "steps": list(steps),
        "result": {
            "state": state,
            "members": [seat_json(seat) for seat in sorted(seats, key=lambda seat: seat.code)],
        },
    }


def audit_json(
    public: Mapping[str, Any],
    candidates: Iterable[Candidate],
    facts: Sequence[Mapping[str, Any]],
    audit: Mapping[str, Any],
) -> dict[str, Any]:
    """The audit transcript, from the public one and what it opens; `facts` by candidate."""
    opened = zip(public["candidates"], candidates, facts, strict=True)
    return {
        **public,
        "scope": AUDIT,
        "candidates": [
            {**shown, "person": c.person, "facts": own, "reasons": list(c.reasons)}
            for shown, c, own in opened
        ],
        "audit": audit,
    }
