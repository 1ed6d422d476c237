"""The transcript of a draw (抽取记录), format `bigloop.draw.v1`: everything that is needed to draw
again and compare, and no name.

    format       "bigloop.draw.v1"
    request      the request as fixed (`experts.draws.request.request_json`)
    candidates   ascending by leaf: {person, unit, home, place, specialties, reasons}; the leaf is
                 SHA-256(0x00 ‖ person ‖ unit ‖ facts), facts the hash of {home, specialties}
    proof        the hashes that lead from these leaves to the pool's root (`experts.draws.leaves`)
    steps        [{seq, kind, data, prev, hash}]: hash = SHA-256 of the canonical JSON of the other
                 four, prev the hash before (64 zeros at first). Each hash is on the record, on the
                 stream `draw/<id>`, at the time of the step.
    result       {state, members: [[seat, specialty, rank, leaf]]}

Kinds of steps and their data:

    REQUESTED    {request}                                  the request's hash
    VALUE        {value}                                    the public value, where one is asked for
    ASKED        {asking, trustees, from, until}            who is asked, under which number
    OUTPUT       {trustee, proof}                           a trustee's proof (RFC 9381), in hex
    WITHHELD     {asking, trustees}                         who did not answer in time
    UNSEEDED     {left}                                     too few are left to ask
    DRAWN        {seed, attempt, committee: [[specialty, [leaf, …]], …]}
    ABORTED      {seed, attempts}                           no attempt met the coupling rules
    INVITED      {round, until, invitations: [[group, rank, leaf], …]}
    SETTLED      {round, accepted, declined, silent, seated: [[seat, specialty, rank, leaf], …]}
    RECHECKED    {bidders, excluded: [[leaf, [code, …]], …], removed: [seat, …]}
    SUBSTITUTED  {seat, leaf, cause}
    EXHAUSTED    {groups}                                   nobody left to invite for these
    ABANDONED    {cause}

It shows what the machine did with what it was given. It cannot show that the pool was complete or
that declared interests were true; candidates of other specialties stay closed leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from archive import canonical
from experts.draws.process import Seat
from experts.draws.request import NO_PREDECESSOR, Candidate

FORMAT = "bigloop.draw.v1"


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
    """The transcript as it stands."""
    return {
        "format": FORMAT,
        "request": request,
        "candidates": [
            {
                "person": c.person,
                "unit": c.unit,
                "home": c.home,
                "place": c.place,
                "specialties": list(c.specialties),
                "reasons": list(c.reasons),
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
