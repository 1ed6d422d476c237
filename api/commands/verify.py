"""`bigloop verify PATH`: judge a dossier, a transcript, a plan or a note offline.

No database, no network, no web server: this command imports none of them, so that it can be run
from a copy of the program by somebody who trusts nobody. Keys to trust are vkey lines in a file
(C2SP signed-note); without any the best verdict is "indeterminate".
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from archive.words import Language

if TYPE_CHECKING:
    from archive.note import Verifier
    from archive.verification.dossier import ArtefactVerifier

EX_USAGE = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="a dossier's folder, a JSON artefact or a note")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="KEYFILE")
    parser.add_argument("--json", action="store_true", help="the report for a machine")
    parser.add_argument("--lang", type=Language, choices=list(Language), default=Language.ZH)


def verifiers() -> Mapping[str, ArtefactVerifier]:
    """Format → who judges it."""
    return {}


def run(arguments: argparse.Namespace) -> int:
    from archive.note import MalformedNote
    from archive.verify import verify

    try:
        trust = [key for file in arguments.trust for key in read_keys(file)]
    except (OSError, UnicodeDecodeError, MalformedNote) as error:
        _write(f"--trust: {error}")
        return EX_USAGE
    report = verify(arguments.path, trust, verifiers())
    if arguments.json:
        _write(json.dumps(report.to_json(), ensure_ascii=False, indent=2, sort_keys=True))
    else:
        _write("\n".join(report.lines(arguments.lang)))
    return int(report.verdict)


def read_keys(file: Path) -> list[Verifier]:
    """The keys of a file: one vkey a line; empty lines and lines that begin with # are skipped."""
    from archive.note import Verifier

    lines = (line.strip() for line in file.read_text("utf-8").splitlines())
    return [Verifier.parse(line) for line in lines if line and not line.startswith("#")]


def _write(text: str) -> None:
    import sys

    sys.stdout.write(f"{text}\n")
