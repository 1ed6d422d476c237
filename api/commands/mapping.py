"""`bigloop mapping`: the file by which a partner's interface for guarantees calls things, checked and tried.

    bigloop mapping docs/examples/issuer-mapping.toml
    bigloop mapping partner.toml --answer apply answer.json

Without `--answer` every command is said with sample values, ours and theirs, and read back. With it a real
answer of the partner's is read as the platform would read it. Nothing is sent and nothing is stored.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from api.commands.terminal import complain
from api.desks.issuer.mapping import PROBE, Mapped, Untranslatable, read
from api.desks.issuer.messages import MESSAGES, Field, Kind
from archive.errors import Refusal
from archive.words import Language, render, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--answer",
        nargs=2,
        metavar=("COMMAND", "FILE"),
        help="read a partner's answer to a command from a JSON file",
    )
    parser.add_argument("--lang", type=Language, choices=list(Language), default=Language.ZH)


def run(arguments: argparse.Namespace) -> int:
    try:
        mapping = read(arguments.file.read_bytes())
        if arguments.answer:
            do, path = arguments.answer
            return _answer(mapping, do, path, arguments.lang)
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}")
        return 2
    except Refusal as refusal:
        for fault in refusal.faults:
            complain(f"{fault.pointer}: {render(fault, arguments.lang)}")
        complain(render(refusal, arguments.lang))
        return 1
    return _trial(mapping, arguments.lang)


def _trial(mapping: Mapped, language: Language) -> int:
    """Every command with sample values, there and back."""
    _say(say("api.mapping.of", {"partner": mapping.partner}, language))
    is_exact = True
    for do, message in MESSAGES.items():
        if do not in mapping.commands:
            _say(say("api.mapping.left_out", {"command": do}, language))
            continue
        command = {"do": do, **{name: _sample(field) for name, field in message.asks.items()}}
        theirs = mapping.message(command)
        back = mapping.command(theirs)
        _say(f"{do}\n    {_json(command)}\n    {_json(theirs)}")
        if back != command:
            is_exact = False
            complain(say("api.mapping.inexact", {"command": do, "back": _json(back)}, language))
    if is_exact:
        _say(say("api.mapping.exact", {"count": len(mapping.commands)}, language))
    return 0 if is_exact else 1


def _answer(mapping: Mapped, do: str, path: str, language: Language) -> int:
    if do not in mapping.commands:
        complain(say("api.mapping.left_out", {"command": do}, language))
        return 1
    try:
        ours = mapping.answer(do, json.loads(Path(path).read_text("utf-8")))
    except Untranslatable as error:
        complain(say("api.mapping.untranslatable", {"field": error.field}, language))
        return 1
    except ValueError as error:
        complain(f"{path}: {error}")
        return 2
    _say(_json(ours))
    return 0


def _sample(field: Field) -> Any:
    samples = {
        Kind.TEXT: "示例",
        Kind.WHOLE: 7,
        Kind.MONEY: 60_000_001,
        Kind.DAY: PROBE.date().isoformat(),
        Kind.MOMENT: PROBE.isoformat(),
        Kind.FLAG: True,
        Kind.PLAIN: {},
    }
    return field.codes[0] if field.kind is Kind.CODE else samples[field.kind]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
