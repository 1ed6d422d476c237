"""`bigloop fairness TRANSCRIPT`: how likely was each candidate of a draw, how unpredictable the whole?

From the transcript alone: no database, no network. It is verified first, since chances of a draw that
was not made as it says would mean nothing. The same transcript gives the same report. Takes seconds;
what it is doing is said on the error stream meanwhile.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from archive.words import Language

SAMPLES_MAX = 5_000_000
BYTES_MAX = 200_000_000
INVALID, UNREADABLE, EX_USAGE = 1, 2, 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="a transcript, public or audit")
    parser.add_argument("--samples", type=int, default=200_000, help="simulated committees")
    parser.add_argument("--json", action="store_true", help="the report for a machine")
    parser.add_argument("--lang", type=Language, choices=list(Language), default=Language.ZH)


def run(arguments: argparse.Namespace) -> int:
    from archive.words import render
    from experts.draws.verify import is_valid, verify_transcript

    if not 0 < arguments.samples <= SAMPLES_MAX:
        sys.stderr.write(f"bigloop: --samples: 1 … {SAMPLES_MAX}\n")
        return EX_USAGE
    try:
        if arguments.path.stat().st_size > BYTES_MAX:
            raise ValueError(f"> {BYTES_MAX} bytes")
        value = json.loads(arguments.path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        sys.stderr.write(f"bigloop: 无法读取 / cannot be read: {error}\n")
        return UNREADABLE
    steps = verify_transcript(value)
    if not is_valid(steps):
        for step in steps:
            if step.reason is not None:
                sys.stderr.write(f"{render(step.reason, arguments.lang)}\n")
        return INVALID
    return _report(value, arguments)


def _report(value: Any, arguments: argparse.Namespace) -> int:
    from archive.errors import Reason
    from archive.words import render
    from experts.fairness.chances import NoCommittee
    from experts.fairness.report import fairness
    from experts.fairness.urn import urn_of_transcript

    def step(code: str) -> None:
        sys.stderr.write(f"{render(Reason(code), arguments.lang)}\n")

    draw = str(value["request"]["draw"])
    seed = int.from_bytes(hashlib.sha256(draw.encode()).digest()[:8], "big")
    try:
        report = fairness(draw, urn_of_transcript(value), seed, arguments.samples, step)
    except NoCommittee:
        step("experts.fairness.none")
        return INVALID
    if arguments.json:
        text = json.dumps(report.to_json(), ensure_ascii=False, indent=2, sort_keys=True)
    else:
        text = "\n".join(render(reason, arguments.lang) for reason in report.reasons())
    sys.stdout.write(f"{text}\n")
    return 0
