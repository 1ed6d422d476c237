"""`bigloop trustee`: a trustee's key, and his answers to draws. No database, no settings.

    bigloop trustee key KEYFILE --id notary-2026
    bigloop trustee answer KEYFILE --id notary-2026 https://platform/api/draws/ID/asking --send

`key` makes the key where there is none and prints what the register needs; the file never leaves the
trustee's machine. `answer` reads the question from a file or an address and prints the proof; with
`--send` it brings it to the platform that asked. Everything answered is kept in `KEYFILE.answers`, one
line of JSON each, written before the answer is told: it is the trustee's own register of draws.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archive.words import Language

BYTES_MAX = 1_000_000
SECONDS_MAX = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    key = acts.add_parser("key", help="make a key and print what the register needs")
    answer = acts.add_parser("answer", help="answer the question of a draw")
    for act in (key, answer):
        act.add_argument("keyfile", type=Path)
        act.add_argument("--id", required=True, help="the trustee's id on the register")
        act.add_argument("--lang", type=Language, choices=list(Language), default=Language.ZH)
    answer.add_argument("question", help="a file, or the address of a draw's asking")
    answer.add_argument("--send", action="store_true", help="bring the answer to that address")


def run(arguments: argparse.Namespace) -> int:
    if arguments.act == "key":
        return _key(arguments.keyfile, arguments.id)
    from archive.words import say

    try:
        return _answer(arguments)
    except FileNotFoundError as error:
        code, what = "api.trustee.no_file", error.filename
    except OSError as error:
        code, what = "api.trustee.no_answer", error
    except ValueError as error:
        code, what = "api.trustee.malformed", error
    _complain(say(code, {"what": str(what)}, arguments.lang))
    return 2


def _key(path: Path, trustee_id: str) -> int:
    from archive.entropy import SystemEntropy
    from archive.keys import secret_file
    from experts.trustees.trustee import is_id, possession_alpha
    from experts.vrf.prove import prove, public_key

    if not is_id(trustee_id):
        _complain("--id: 3 to 40 lower-case letters, digits or hyphens")
        return 64
    secret = secret_file(path, SystemEntropy())
    said = {
        "id": trustee_id,
        "key": public_key(secret).hex(),
        "possession": prove(secret, possession_alpha(trustee_id)).hex(),
    }
    _say(said)
    return 0


def _answer(arguments: argparse.Namespace) -> int:
    from archive.words import render
    from experts.trustees.answering import line_of, objection, question_of
    from experts.vrf.prove import prove, public_key

    secret = arguments.keyfile.read_bytes()
    question = question_of(json.loads(_read(arguments.question)))
    book = arguments.keyfile.with_name(f"{arguments.keyfile.name}.answers")
    lines = list(filter(None, book.read_text("utf-8").split("\n"))) if book.exists() else []
    reason = objection(
        question, arguments.id, public_key(secret).hex(), [json.loads(line) for line in lines]
    )
    if reason is not None:
        _complain(render(reason, arguments.lang))
        return 1
    proof = prove(secret, question.alpha)
    line = json.dumps(line_of(question, proof), ensure_ascii=False, sort_keys=True)
    if line not in lines:
        with book.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
            file.flush()
            os.fsync(file.fileno())
    said = {"trustee": arguments.id, "proof": proof.hex()}
    if arguments.send:
        _read(arguments.question.removesuffix("/asking") + "/outputs", said)
    _say(said)
    return 0


def _read(source: str, body: Mapping[str, Any] | None = None) -> bytes:
    """A file's or an address's bytes; `body` is posted as JSON. OSError where it does not work."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    if not source.startswith(("http://", "https://")):
        if body is not None:
            raise ValueError("--send needs an address, not a file")
        with Path(source).open("rb") as file:
            return file.read(BYTES_MAX)
    data = None if body is None else json.dumps(body).encode()
    request = Request(source, data, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urlopen(request, timeout=SECONDS_MAX) as answer:  # noqa: S310
            read: bytes = answer.read(BYTES_MAX)
    except HTTPError as error:
        detail = error.read(BYTES_MAX).decode("utf-8", "replace")
        raise OSError(f"{source}: {error.code} {detail}") from error
    return read


def _say(value: Mapping[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(value, ensure_ascii=False)}\n")


def _complain(text: str) -> None:
    sys.stderr.write(f"bigloop: {text}\n")
