"""`bigloop register`: what an installation knows of organisations, centres and whoever else it works with,
from files.

    bigloop register organisations --template > organisations.csv
    bigloop register organisations organisations.csv --dry-run
    bigloop register organisations organisations.csv

A file is taken in as a whole or not at all; the same file twice does nothing. What is known already is
changed only with `--change`. Files: docs/operations.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from api.commands.terminal import complain, complain_of, is_migrated, read_settings
from api.registers.kinds import REGISTERS
from api.registers.register import Effect, Plan, Register
from archive.actor import SYSTEM
from archive.errors import Refusal
from archive.words import Language, render, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("register", choices=list(REGISTERS))
    parser.add_argument("file", type=Path, nargs="?")
    acts = parser.add_mutually_exclusive_group()
    acts.add_argument("--template", action="store_true", help="print an empty file")
    acts.add_argument("--dry-run", action="store_true", help="say what the file would do")
    acts.add_argument("--change", action="store_true", help="change what is known already, too")
    parser.add_argument("--lang", type=Language, choices=list(Language), help="of what is said")


def run(arguments: argparse.Namespace) -> int:
    register = REGISTERS[arguments.register]
    if arguments.template and not register.columns:
        complain(say("api.register.no_template", {}, arguments.lang or Language.ZH))
        return 1
    if arguments.template:
        content = register.file(None, arguments.lang or Language.ZH)
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return 0
    if arguments.file is None:
        complain("FILE is missing")
        return 64
    try:
        content = arguments.file.read_bytes()
    except OSError as error:
        complain(f"{arguments.file}: {error.strerror}")
        return 2
    return _take(register, content, arguments)


def _take(register: Register, content: bytes, arguments: argparse.Namespace) -> int:
    from api.office import open_office
    from api.registers import service
    from trading.calendar.legal import legal_day

    settings = read_settings()
    language = arguments.lang or settings.language
    if not is_migrated(settings):
        return 1
    office = open_office(settings)
    try:
        with office.read() as db:
            plan = service.plan(db, register.name, content, legal_day(office.clock.now()))
        _tell(register, plan, language)
        if arguments.dry_run:
            return 1 if plan.faults else 0
        if plan.faults:
            complain(say("api.register.invalid", {"count": len(plan.faults)}, language))
            return 1
        with office.write() as tx:
            service.take(tx, SYSTEM, register.name, content, may_change=arguments.change)
    except Refusal as refusal:
        complain_of(refusal, language)
        return 1
    finally:
        office.connections.dispose()
    is_new = bool(plan.of(Effect.NEW, Effect.CHANGED, Effect.GONE))
    _say(say("api.register.taken" if is_new else "api.page.registers.nothing", {}, language))
    return 0


def _tell(register: Register, plan: Plan, language: Language) -> None:
    """Every row that would do something, and every fault: `12: …`."""
    for line in plan.of(Effect.NEW, Effect.CHANGED, Effect.GONE):
        place = say("api.register.row", {"row": line.row}, language) if line.row else "—"
        _say(f"{place}: {say(f'api.register.effect.{line.effect}', {}, language)} {line.subject}")
        for change in line.changes:
            before, after = (change.column.text(v, language) for v in (change.before, change.after))
            _say(f"    {change.column.heading(language)}: {before} → {after}")
    names = {column.name: column.heading(language) for column in register.columns}
    for one in plan.faults:
        place = say("api.register.row", {"row": one.row}, language)
        column = names.get(one.column, one.column)
        rule = f" [{one.fault.rule}]" if one.fault.rule else ""
        complain(f"{place} {column}: {render(one.fault, language)}{rule}")
    counts = {f"n_{effect.lower()}": plan.count(effect) for effect in Effect}
    _say(say("api.register.counts", {**counts, "n_refused": plan.refused}, language))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
