"""The issuers' desk as a process (`api.desks.command_desk`): the books, the houses' keys, and what was
signed. That is made once and kept beside its command, in the same transaction, so that a guarantee has
one document for ever.

Open to all are what anybody may ask (`offers`) and what an order's secret guards (`pay`, `collect`,
`amend`, `surrender`).

    GET  /identity    the houses with their public keys, and the root of their certificates
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.desks.command_desk import KEY_BYTES, CommandDesk, serve
from api.desks.issuer.core import Books
from api.desks.issuer.houses import MINUTES, House, houses_of
from api.desks.issuer.papers import printed, revoked, serial_of, sign
from archive import canonical
from deposits.guarantees.document import sign as sign_document
from deposits.guarantees.pdf import PDF
from deposits.guarantees.slip import sign_cipher
from deposits.issuers.desk import NoticeKind, notice_body
from deposits.issuers.issuer import Issuer

OPEN_TO_ALL = frozenset({"offers", "pay", "collect", "amend", "surrender"})


class Desk(CommandDesk):
    """The books with their file. `folder` holds `keys.json` too; `minutes` is how long underwriting
    takes."""

    def __init__(self, folder: Path, minutes: int = MINUTES) -> None:
        super().__init__(folder, "issuer")
        self.folder = folder
        self.houses = houses_of(folder, minutes)
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS paper (name TEXT PRIMARY KEY, content BLOB NOT NULL)"
        )
        self.books = self._read()

    def _read(self) -> Books:
        """The books as the commands on disk make them."""
        books = Books({code: h.offer for code, h in self.houses.by_code.items()})
        for command in self.kept():
            books.do(command)
        return books

    @property
    def issuers(self) -> tuple[Issuer, ...]:
        """The houses as a registry enters them, by code."""
        return tuple(h.issuer for _, h in sorted(self.houses.by_code.items()))

    def do(self, command: dict[str, Any]) -> Any:
        with self.lock:
            if command.get("do") == "apply":
                command = self.with_entropy(command)
            answer = self.books.do(command)
            try:
                answer = self._signed(command, answer)
                self.keep(command)
            except BaseException:
                self.db.rollback()
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

        amended = len(self.books.orders[self.books.by_number[number]].earlier)
        return self._paper(f"cipher {number} {amended}", make)

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

    def _paper(self, name: str, make: Callable[[], bytes]) -> bytes:
        """What was made under that name, or is made now and kept with the command."""
        row = self.db.execute("SELECT content FROM paper WHERE name = ?", (name,)).fetchone()
        if row is not None:
            return bytes(row[0])
        content = make()
        if content:
            self.db.execute("INSERT INTO paper (name, content) VALUES (?, ?)", (name, content))
        return content

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
    """The issuers behind HTTP."""

    async def identity(_: Request) -> Response:
        return JSONResponse(desk.identity())

    return serve(desk, OPEN_TO_ALL, [Route("/identity", identity)])


def _day(day: date) -> str:
    return day.isoformat()
