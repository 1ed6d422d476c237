"""`bigloop verify PATH`: judge a dossier, a transcript, a plan or a note offline.

No database, no network, no web server: this command imports none of them, so that it can be run
from a copy of the program by somebody who trusts nobody. Keys to trust are vkey lines in a file
(C2SP signed-note); without any the best verdict is "indeterminate".
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archive.words import Language

if TYPE_CHECKING:
    from archive.errors import Reason
    from archive.journal.entry import Entry
    from archive.note import Verifier
    from archive.recording import Medium
    from archive.verification.artefact import ArtefactVerifier
    from archive.verification.judge import Deletions, Judged, StreamJudge

EX_USAGE = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path", type=Path, help="a dossier's or a recording's folder, a JSON artefact or a note"
    )
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="KEYFILE")
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="whose cosignatures a recording needs"
    )
    parser.add_argument("--json", action="store_true", help="the report for a machine")
    parser.add_argument("--lang", type=Language, choices=list(Language), default=Language.ZH)


def verifiers() -> Mapping[str, ArtefactVerifier]:
    """Format → who judges it. Each is imported when the first artefact of its kind is met."""
    return {
        "bigloop.draw.v1": _draw_faults,
        "bigloop.plan.v1": _plan_faults,
        "bigloop.report.v1": _report_faults,
    }


def judges() -> Mapping[str, StreamJudge]:
    """Kind of stream → who judges what a recording of it says."""
    from archive.verification.judge import StreamJudge

    return {"session": StreamJudge(_session, _session_medium, _session_deletions)}


def _session(origin: str, entries: Sequence[Entry]) -> Judged:
    from evaluation.witness.record_check import judge_recording

    return judge_recording(origin, entries)


def _session_medium(entry: Entry) -> Medium | None:
    from evaluation.witness.media.named import named

    return named(entry)


def _session_deletions(
    entries: Sequence[Entry], keeping: Iterable[Entry], document: Callable[[str], bytes]
) -> Deletions:
    from evaluation.witness.retention.check import deletions

    return deletions(entries, keeping, document)


def _draw_faults(value: Any) -> Sequence[Reason]:
    from experts.draws.verify import verify_transcript

    return [step.reason for step in verify_transcript(value) if step.reason is not None]


def _plan_faults(value: Any) -> Sequence[Reason]:
    from evaluation.seating.verify import plan_faults

    return plan_faults(value)


def _report_faults(value: Any) -> Sequence[Reason]:
    from evaluation.report_check import report_faults

    return report_faults(value)


def run(arguments: argparse.Namespace) -> int:
    from archive.note import MalformedNote
    from archive.tlog_policy import MalformedPolicy, parse_policy
    from archive.verify import verify

    try:
        trust = [key for file in arguments.trust for key in read_keys(file)]
        policy = parse_policy(arguments.policy.read_bytes()) if arguments.policy else None
    except MalformedPolicy as error:
        _write(f"--policy: {error}")
        return EX_USAGE
    except (OSError, UnicodeDecodeError, MalformedNote) as error:
        sys.stderr.write(f"bigloop: --trust: 无法读取公钥 / keys cannot be read: {error}\n")
        return EX_USAGE
    report = verify(arguments.path, trust, verifiers(), judges(), policy)
    if arguments.json:
        _write(json.dumps(report.to_json(), ensure_ascii=False, indent=2, sort_keys=True))
    else:
        _write("\n".join(report.lines(arguments.lang)))
        if not report.failed:
            _say_more(arguments.path, arguments.lang)
    return int(report.verdict)


def _say_more(path: Path, language: Language) -> None:
    """Of a plan that holds: how far from the best it may be. A gap is no fault, but it is told."""
    from archive.verification.artefact import format_of
    from archive.words import render

    if not path.is_file():
        return
    data = path.read_bytes()
    if format_of(data) == "bigloop.plan.v1":
        from archive import canonical
        from evaluation.seating.verify import proven

        for reason in proven(canonical.decode(data)):
            _write(render(reason, language))


def read_keys(file: Path) -> list[Verifier]:
    """The keys of a file: one vkey a line; empty lines and lines that begin with # are skipped."""
    from archive.note import Verifier

    lines = (line.strip() for line in file.read_text("utf-8").splitlines())
    return [Verifier.parse(line) for line in lines if line and not line.startswith("#")]


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
