"""Deposits: the ledger against bare INSERTs, the check of guarantees against pyHanko's.

One JSON line a case; see benchmarks/parts."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.parts import postings, verification

PARTS = (postings, verification)


def main() -> None:
    parser = argparse.ArgumentParser(description="deposits")
    parser.add_argument("--quick", action="store_true", help="within 45 seconds, less exact")
    quick = parser.parse_args().quick
    for part in PARTS:
        for found in part.lines(quick=quick):
            print(json.dumps(found, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
