"""What a verification says: numbered steps, each with what was found and in which file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from archive.errors import Param, Reason
from archive.words import Language, render


class Status(StrEnum):
    """`NOT_RUN`: what the step needs is missing, or nobody's key was given to check with."""

    OK = "OK"
    FAILED = "FAILED"
    NOT_RUN = "NOT_RUN"


class Verdict(IntEnum):
    """The value is the exit code of the command line."""

    VALID = 0
    INVALID = 1
    UNREADABLE = 2
    INDETERMINATE = 3
    USAGE = 64


_VERDICTS = {
    Verdict.VALID: Reason("archive.verify.valid"),
    Verdict.INVALID: Reason("archive.verify.invalid"),
    Verdict.UNREADABLE: Reason("archive.verify.unreadable"),
    Verdict.INDETERMINATE: Reason("archive.verify.indeterminate"),
    Verdict.USAGE: Reason("archive.verify.usage"),
}
_STATUSES = {
    Status.OK: Reason("archive.verify.status_ok"),
    Status.FAILED: Reason("archive.verify.status_failed"),
    Status.NOT_RUN: Reason("archive.verify.status_not_run"),
}


@dataclass(frozen=True)
class Finding:
    """What was found in which file (path from the verified folder, or the file's own name)."""

    file: str
    reason: Reason


@dataclass(frozen=True)
class Step:
    """One numbered step. Findings say what failed, or why the step was not run; notes, what was counted."""

    number: int
    name: Reason
    status: Status
    findings: tuple[Finding, ...] = ()
    notes: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Report:
    """The steps in order, and the verdict that follows from them."""

    steps: tuple[Step, ...]
    verdict: Verdict

    @property
    def failed(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.status is Status.FAILED)

    def lines(self, language: Language) -> list[str]:
        """The report for a reader: one line per step, its findings below it, the verdict last."""
        out = []
        for step in self.steps:
            status = render(_STATUSES[step.status], language)
            out.append(f"{step.number:2}. {render(step.name, language)}: {status}")
            out += [f"      {render(note, language)}" for note in step.notes]
            out += [f"      {f.file}: {render(f.reason, language)}" for f in step.findings]
        out.append(render(_VERDICTS[self.verdict], language))
        return out

    def to_json(self) -> dict[str, Any]:
        """The report for a machine; canonical JSON can carry it."""
        return {
            "exit_code": int(self.verdict),
            "format": "bigloop.verification.v1",
            "steps": [
                {
                    "findings": [_finding_json(finding) for finding in step.findings],
                    "name": _words(step.name),
                    "notes": [
                        {"code": note.code, "params": dict(note.params), "words": _words(note)}
                        for note in step.notes
                    ],
                    "number": step.number,
                    "status": str(step.status),
                }
                for step in self.steps
            ],
            "verdict": self.verdict.name,
        }


def report_of(steps: Sequence[Step]) -> Report:
    """INVALID as soon as one step failed; otherwise INDETERMINATE where one was not run."""
    statuses = {step.status for step in steps}
    if Status.FAILED in statuses:
        return Report(tuple(steps), Verdict.INVALID)
    if Status.NOT_RUN in statuses:
        return Report(tuple(steps), Verdict.INDETERMINATE)
    return Report(tuple(steps), Verdict.VALID)


def unreadable(file: str, code: str, **params: Param) -> Report:
    finding = Finding(file, Reason(code, params))
    name = Reason("archive.verify.step_read")
    return Report((Step(0, name, Status.FAILED, (finding,)),), Verdict.UNREADABLE)


class Findings:
    """Collects the findings of one step; `not_run` those for want of which it was not run."""

    def __init__(self, number: int, name: Reason) -> None:
        self._number = number
        self._name = name
        self._failed: list[Finding] = []
        self._not_run: list[Finding] = []
        self._notes: list[Reason] = []

    def add(self, file: str, code: str, **params: Param) -> None:
        self._failed.append(Finding(file, Reason(code, params)))

    def extend(self, file: str, reasons: Iterable[Reason]) -> None:
        self._failed += [Finding(file, reason) for reason in reasons]

    def not_run(self, file: str, code: str, **params: Param) -> None:
        self._not_run.append(Finding(file, Reason(code, params)))

    def note(self, code: str, **params: Param) -> None:
        self._notes.append(Reason(code, params))

    def step(self) -> Step:
        status, found = Status.OK, self._failed or self._not_run
        if found:
            status = Status.FAILED if self._failed else Status.NOT_RUN
        return Step(self._number, self._name, status, tuple(found), tuple(self._notes))


def _words(reason: Reason) -> dict[str, str]:
    return {str(language): render(reason, language) for language in Language}


def _finding_json(finding: Finding) -> dict[str, Any]:
    reason = finding.reason
    return {
        "code": reason.code,
        "file": finding.file,
        "params": dict(reason.params),
        "words": _words(reason),
    }
