"""How the second verifier's time grows with the number of opened leaves; part of `benchmarks/draw.py`.

A transcript with n candidates of one pool is made by the drawing side's own functions, in memory; the
standalone file `api/static/verify_draw.py` checks it, and beside it `bigloop verify`'s steps. Peer of the
growth is the verifier itself at a tenth of the leaves, times ten: what linear growth would give. The
trustees' proofs cost the same at every size and so lower the ratio; they are a tenth of a second.
"""

from __future__ import annotations

import hashlib
import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from archive import canonical
from experts.committee import Card, Coupling, Group, select
from experts.draws.leaves import Leaves, leaf_hash, tree_levels
from experts.draws.request import candidates_digest
from experts.draws.seed import NO_VALUE, alpha_of, seed_of
from experts.draws.transcript import FIRST_PREV, step_json
from experts.draws.verify import is_valid, verify_transcript
from experts.invitations.process import Board, Process
from experts.pool.columns import codes_of
from experts.suite import sha256
from experts.trustees.synthetic import trustees
from experts.vrf.verify import output_of

ROOT = Path(__file__).resolve().parents[2]
FEW, MANY = 5_000, 50_000
QUICK_FEW, QUICK_MANY = 2_000, 20_000
ROUNDS = 3
GROWTH_MAX = 1.3
CODE = "A080104"
SEATS = 5


def second_verifier() -> Callable[[Any], Any]:
    """The `verify` of the file that is handed out."""
    path = ROOT / "api" / "static" / "verify_draw.py"
    spec = importlib.util.spec_from_file_location("verify_draw", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[Any], Any] = module.verify
    return found


def _hash(*words: object) -> bytes:
    return hashlib.sha256(" ".join(map(str, words)).encode()).digest()


def transcript(count: int) -> dict[str, Any]:
    """A public transcript whose first round is open; all of the pool are candidates."""
    codes = codes_of((CODE,))
    made = []
    for n in range(count):
        unit, area, record = _hash("unit", n // 3), _hash("area", n % 16), _hash("record", n)
        made.append((leaf_hash(unit, area, codes, record, sha256), unit, area, record))
    made.sort()
    levels = tree_levels([leaf for leaf, *_ in made])
    tree = Leaves((), (), (), (), (), (), levels)
    holders = trustees(b"benchmark", 3)
    is_in = [n % 10 != 0 for n in range(count)]
    request: dict[str, Any] = {
        "format": "bigloop.draw-request.v1",
        "algorithm": "bigloop.draw.sha256.v1",
        "number": 1,
        "predecessor": FIRST_PREV,
        "evaluation_at": "2026-10-22T01:00:00.000Z",
        "earliest_hours": 24,
        "quotas": [{"specialty": CODE, "count": SEATS, "source": CODE, "consent": None}],
        "pool": {"root": tree.root.hex(), "size": count},
        "candidates": {
            "count": count,
            "hash": candidates_digest(
                ((leaf.hex(), kept) for (leaf, *_), kept in zip(made, is_in, strict=True)), sha256
            ),
            "excluded": {"experts.eligibility.age": is_in.count(False)},
        },
        "coupling": {"one_per_unit": True, "prefecture_max": 1},
        "weights": [],
        "trustees": {
            "members": [{"id": holder.id, "key": holder.key} for holder in holders],
            "min": 3,
            "minutes": 60,
        },
        "public_value": None,
        "attempts_max": 10_000,
        "batch_multiple": 2,
    }
    asked = canonical.digest(request)
    proofs = [holder.answer(asked, 1) for holder in holders]
    seed = seed_of(alpha_of(asked, 1, NO_VALUE), [output_of(proof) for proof in proofs], sha256)
    cards = {
        leaf.hex(): Card(leaf.hex(), unit.hex(), area.hex())
        for (leaf, unit, area, _), kept in zip(made, is_in, strict=True)
        if kept
    }
    groups = (Group(CODE, SEATS, tuple(cards)),)
    coupling = Coupling(one_per_unit=True, prefecture_max=1)
    selection = select(seed, groups, cards, coupling, 10_000)
    assert selection is not None
    process, _ = Board(selection, cards, coupling, 2).open_round(Process.start())
    said: list[tuple[str, Mapping[str, Any]]] = [
        ("REQUESTED", {"request": asked}),
        (
            "ASKED",
            {
                "asking": 1,
                "trustees": [holder.id for holder in holders],
                "from": "2026-10-21T02:00:00.000Z",
                "until": "2026-10-21T03:00:00.000Z",
            },
        ),
        *(
            ("OUTPUT", {"trustee": holder.id, "proof": proof.hex()})
            for holder, proof in zip(holders, proofs, strict=True)
        ),
        (
            "DRAWN",
            {
                "seed": seed.hex(),
                "attempt": selection.attempt,
                "fallback": False,
                "committee": [[CODE, list(selection.drawn()[0])]],
            },
        ),
        (
            "INVITED",
            {
                "round": 1,
                "until": "2026-10-21T03:00:00.000Z",
                "invitations": [[i.group, i.rank, i.leaf] for i in process.invited],
            },
        ),
    ]
    steps: list[dict[str, Any]] = []
    for seq, (kind, data) in enumerate(said):
        steps.append(step_json(seq, kind, data, steps[-1]["hash"] if steps else FIRST_PREV))
    return {
        "format": "bigloop.draw.v1",
        "scope": "public",
        "request": request,
        "candidates": [
            {
                "unit": unit.hex(),
                "area": area.hex(),
                "specialties": [CODE],
                "record": record.hex(),
                "place": place,
                "in": kept,
            }
            for place, ((_, unit, area, record), kept) in enumerate(zip(made, is_in, strict=True))
        ],
        "proof": [node.hex() for node in tree.opening(range(count))],
        "steps": steps,
        "result": {"state": "INVITING", "members": []},
    }


def _seconds(check: Callable[[], bool]) -> float:
    start = time.perf_counter()
    assert check(), "a transcript of ours was refused"
    return time.perf_counter() - start


def cases(quick: bool) -> Iterator[dict[str, Any]]:
    """The growth, and the first verifier beside the second."""
    fewer, more = (QUICK_FEW, QUICK_MANY) if quick else (FEW, MANY)
    few, many = transcript(fewer), transcript(more)
    second = second_verifier()
    times: dict[str, list[float]] = {"few": [], "many": [], "first": []}
    for _ in range(1 if quick else ROUNDS):
        times["few"].append(_seconds(lambda: second(few)[0] is None))
        times["many"].append(_seconds(lambda: second(many)[0] is None))
        times["first"].append(_seconds(lambda: is_valid(verify_transcript(many))))
    low, high, first = (statistics.median(times[name]) for name in ("few", "many", "first"))
    ratio = high / (10 * low)
    yield {
        "bench": "draw",
        "case": f"second verifier, {fewer:,} to {more:,} leaves",
        "ours": round(high, 3),
        "peer": round(10 * low, 3),
        "unit": "s",
        "peer_name": f"ten times its time at {fewer:,}",
        "ratio": round(ratio, 3),
        "goal": f"<= {GROWTH_MAX}",
        "holds": ratio <= GROWTH_MAX,
    }
    yield {
        "bench": "draw",
        "case": f"both verifiers, {more:,} leaves",
        "ours": round(high, 3),
        "peer": round(first, 3),
        "unit": "s",
        "peer_name": "bigloop verify (the drawing code again)",
        "ratio": round(high / first, 3),
        "goal": None,
        "holds": True,
    }
