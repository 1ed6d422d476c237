"""The draw against its peers; each part says what it measures and what it does not.

python benchmarks/draw.py [--quick] [PART …]      one line of JSON a case
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.parts import (  # noqa: E402 - the path comes first
    draw_calls,
    draw_closure,
    draw_kernel,
    draw_leximin,
    draw_verifier,
)

PARTS: tuple[Callable[[bool], Iterator[dict[str, Any]]], ...] = (
    draw_closure.cases,
    draw_kernel.cases,
    draw_leximin.cases,
    draw_verifier.cases,
    draw_calls.cases,
)
"""Each takes `quick` and yields its cases; a new part is added here."""


def main() -> int:
    parser = argparse.ArgumentParser(description="The draw against its peers.")
    parser.add_argument("--quick", action="store_true", help="small cases, at most 45 seconds")
    parser.add_argument("parts", nargs="*", help="only these, e.g. draw_kernel")
    arguments = parser.parse_args()
    is_good = True
    for part in PARTS:
        if arguments.parts and part.__module__.rpartition(".")[2] not in arguments.parts:
            continue
        for found in part(arguments.quick):
            print(json.dumps(found, ensure_ascii=False), flush=True)
            is_good = is_good and found["holds"]
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
