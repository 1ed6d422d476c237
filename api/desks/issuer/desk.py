"""The issuers' desk as a process: the books behind HTTP, with keys and a database of its own.

A command is written to the desk's SQLite file (synchronous=FULL) before it is answered; a desk that
was killed reads its commands again and stands where it stood. What is signed is made once and kept
beside its command, in the same transaction, so that a guarantee has one document for ever. One
command at a time: books are not a race.

    POST /commands    a command as JSON; needs the token, but for what anybody may ask (`offers`) and
                      what the order's secret guards (`pay`, `collect`, `surrender`)
    GET  /identity    the houses with their public keys, and the root of their certificates
    GET  /health      whether it stands

`fault` commands `{"mute": n}` and `{"deaf": n}` work here: the next n commands are not heard, or are
done and not answered.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import sqlite3
import threading
from datetime import date, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.desks.issuer.core import Books, Declined
from api.desks.issuer.houses import MINUTES, House, houses_of
from api.desks.issuer.papers import printed, revoked, serial_of, sign
from archive import canonical
from deposits.guarantees.document import sign as sign_document
from deposits.guarantees.pdf import PDF
from deposits.guarantees.slip import sign_cipher
from deposits.issuers.desk import NoticeKind, notice_body
from deposits.issuers.issuer import Issuer

COMMAND_BYTES_MAX = 64 * 1024
OPEN_TO_ALL = frozenset({"offers", "pay", "collect", "surrender"})
KEY_BYTES = 32


class Desk:
    """The books with their file. `folder` holds `issuer.db`, `keys.json` and `token`; `minutes` is
    how long underwriting takes."""

    def __init__(self, folder: Path, minutes: int = MINUTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.houses = houses_of(folder, minutes)
        self.token = _secret(folder / "token").hex()
        self._secret = _secret(folder / "issuer.key")
        self._lock = threading.Lock()
        self._mute = self._deaf = 0
        self._db = sqlite3.connect(folder / "issuer.db", check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS command (number INTEGER PRIMARY KEY, body TEXT NOT NULL)"
        )
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS paper (name TEXT PRIMARY KEY, content BLOB NOT NULL)"
        )
        self.books = self._read()

    def _read(self) -> Books:
        """The books as the commands on disk make them."""
        books = Books({code: h.offer for code, h in self.houses.by_code.items()})
        for (body,) in self._db.execute("SELECT body FROM command ORDER BY number"):
            books.do(json.loads(body))
        return books

    @property
    def issuers(self) -> tuple[Issuer, ...]:
        """The houses as a registry enters them, by code."""
        return tuple(h.issuer for _, h in sorted(self.houses.by_code.items()))

    def do(self, command: dict[str, Any]) -> Any:
        """Do one command and keep it. Declined where the issuer says no; nothing is kept then."""
        with self._lock:
            if command.get("do") == "apply":
                mixed = hmac.digest(self._secret, str(command["commitment"]).encode(), "sha256")
                command = {**command, "entropy": mixed.hex()}
            answer = self.books.do(command)
            try:
                answer = self._signed(command, answer)
                self._db.execute("INSERT INTO command (body) VALUES (?)", (json.dumps(command),))
                self._db.commit()
            except BaseException:
                self._db.rollback()
                self.books = self._read()  # what was not kept was not done
                raise
        return answer

    # --- What is signed -----------------------------------------------------------------------

    def _signed(self, command: dict[str, Any], answer: Any) -> Any:
        """The answer with its documents."""
        what = command["do"]
        if what == "collect":
            number = answer.pop("number")
            return {**answer, "document": self._cipher(number).decode() if number else ""}
        if what in ("restore", "extend"):
            return self._restored(answer["number"], answer["code"])
        if what == "verify" and answer is not None:
            number = answer.pop("number")
            content = self._paper(self._name(number), lambda: b"")
            return {**answer, "sha256": hashlib.sha256(content).hexdigest()}
        if what == "calls":
            return [self._call(str(command["issuer"]), call) for call in answer]
        return answer

    def _house(self, number: str) -> House:
        return self.houses.by_code[self.books.cipher(number).issuer_uscc]

    def _cipher(self, number: str) -> bytes:
        house = self._house(number)

        def make() -> bytes:
            cipher = self.books.cipher(number)
            return sign_cipher(cipher, lambda data: sign(house.algorithm, house.secret, data))

        return self._paper(f"cipher {number}", make)

    def _name(self, number: str) -> str:
        order = self.books.orders[self.books.by_number[number]]
        return f"plain {number} {order.extensions}"

    def _restored(self, number: str, code: str) -> dict[str, Any]:
        """The plain guarantee with its printed form; faults are at work here."""
        house, name = self._house(number), self._name(number)
        fault = self.books.faults.get(number, "")
        at = self.books.now
        serials = [serial_of(house.certified)] if fault == "revoke" else []
        file = self._paper(f"file {name}", lambda: self._printed(number, house))
        crl = self._paper(f"crl {name}", lambda: revoked(self.houses.root, serials, at))
        wording = hashlib.sha256(file).hexdigest()

        def make() -> bytes:
            secret = secrets.token_bytes(KEY_BYTES) if fault == "forge" else house.secret
            plain = self.books.plain(number, wording)
            return sign_document(plain, lambda data: sign(house.algorithm, secret, data))

        document = self._paper(name, make)
        digests = {"sha256": wording}
        if fault == "md5":
            digests = {"md5": hashlib.md5(file, usedforsecurity=False).hexdigest()}
        if fault == "truncate":
            file = file[:-100]
        return {
            "document": document.decode(),
            "file": base64.b64encode(file).decode(),
            "media_type": PDF,
            "digests": digests,
            "code": code,
            "crls": [crl.hex()],
        }

    def _printed(self, number: str, house: House) -> bytes:
        plain = self.books.plain(number, "0" * 64)
        lines = [
            "投标保函(示例,合成数据)",
            f"编号:{plain.number}",
            f"开立机构:{house.offer.name}({plain.issuer_uscc})",
            f"被保证人:{plain.principal_uscc}",
            f"受益人:{plain.beneficiary_uscc}",
            f"标段:{plain.lot_id}",
            f"担保金额:人民币 {plain.amount.in_yuan()} 元",
            f"有效期:{_day(plain.valid_from)} 至 {_day(plain.valid_to)}",
            "凭受益人载明事由的书面索赔,于验证期内无条件支付。",
        ]
        return printed(lines, house.certified, self.houses.root, self.books.now)

    def _call(self, issuer: str, call: dict[str, Any]) -> str:
        house = self.houses.by_code[issuer]
        body = notice_body(
            issuer,
            call["number"],
            NoticeKind(call["kind"]),
            call["key"],
            datetime.fromisoformat(call["at"]),
            call["reference"],
            call["reason"],
        )
        signature = self._paper(
            f"call {issuer} {call['number']}",
            lambda: sign(house.algorithm, house.secret, body),
        )
        value = {"body": canonical.decode(body), "signature": signature.hex()}
        return canonical.encode(value).decode()

    def _paper(self, name: str, make: Any) -> bytes:
        """What was made under that name, or is made now and kept with the command."""
        row = self._db.execute("SELECT content FROM paper WHERE name = ?", (name,)).fetchone()
        if row is not None:
            return bytes(row[0])
        content = bytes(make())
        if content:
            self._db.execute("INSERT INTO paper (name, content) VALUES (?, ?)", (name, content))
        return content

    # --- Failing ------------------------------------------------------------------------------

    def fail(self, command: dict[str, Any]) -> None:
        """Be mute or deaf for the next commands."""
        self._mute, self._deaf = int(command.get("mute", 0)), int(command.get("deaf", 0))

    def is_mute(self) -> bool:
        self._mute, now = max(0, self._mute - 1), self._mute > 0
        return now

    def is_deaf(self) -> bool:
        self._deaf, now = max(0, self._deaf - 1), self._deaf > 0
        return now

    def identity(self) -> dict[str, Any]:
        """Who the houses are, for a registry: public halves only."""
        houses = []
        for issuer in self.issuers:
            (key,) = issuer.keys
            houses.append(
                {
                    "uscc": issuer.uscc,
                    "name": issuer.name,
                    "forms": [form.value for form in issuer.forms],
                    "licence": issuer.licence,
                    "licensed_from": issuer.licensed_from.isoformat(),
                    "licensed_to": issuer.licensed_to.isoformat(),
                    "algorithm": key.algorithm.value,
                    "public_key": key.public_key.hex(),
                }
            )
        return {"houses": houses, "roots": self.houses.roots}


def make_app(desk: Desk) -> Starlette:
    """The desk behind HTTP."""

    async def commands(request: Request) -> Response:
        body = await request.body()
        if len(body) > COMMAND_BYTES_MAX:
            return JSONResponse({"declined": "too_large"}, 413)
        try:
            command = json.loads(body)
            what = str(command["do"])
        except (ValueError, TypeError, KeyError):
            return JSONResponse({"declined": "malformed"}, 400)
        if what not in OPEN_TO_ALL and not _is_known(request, desk.token):
            return JSONResponse({"declined": "token"}, 401)
        if what == "fault" and {"mute", "deaf"} & set(command):
            desk.fail(command)
            return JSONResponse({"answer": {}})
        if desk.is_mute():
            return JSONResponse({"declined": "mute"}, 503)
        try:
            answer = await run_in_threadpool(desk.do, command)
        except Declined as declined:
            return JSONResponse({"declined": str(declined)}, 409)
        except (ValueError, TypeError, KeyError):
            return JSONResponse({"declined": "malformed"}, 400)
        if desk.is_deaf():
            return JSONResponse({"declined": "deaf"}, 503)
        return JSONResponse({"answer": answer})

    async def identity(_: Request) -> Response:
        return JSONResponse(desk.identity())

    async def health(_: Request) -> Response:
        return JSONResponse({"issuers": "stand"})

    return Starlette(
        routes=[
            Route("/commands", commands, methods=["POST"]),
            Route("/identity", identity),
            Route("/health", health),
        ]
    )


def _is_known(request: Request, token: str) -> bool:
    said = request.headers.get("authorization", "").removeprefix("Bearer ")
    wanted = hashlib.sha256(token.encode()).digest()
    return hmac.compare_digest(hashlib.sha256(said.encode()).digest(), wanted)


def _secret(path: Path) -> bytes:
    """The secret of a file, made on first use and readable by its owner alone."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(KEY_BYTES))
    return bytes.fromhex(path.read_text().strip())


def _day(day: date) -> str:
    return day.isoformat()
