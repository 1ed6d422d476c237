"""Statements in ISO 20022 camt.053 (BankToCustomerStatement): read and written.

Read are those elements that a deposit account needs; versions 02 to 13 have them at the same places.
The namespace must be one of camt.053; the currency must be CNY. XML comes from outside, so it is
parsed by defusedxml: no entities, no document types, no external references.

    Stmt/ElctrncSeqNb           number           Ntry/Amt, CdtDbtInd          amount and side
    Stmt/Acct/Id/Othr/Id        account          Ntry/BookgDt/Dt              day
    Stmt/Bal (OPBD, CLBD)       opening, closing Ntry/AcctSvcrRef             the bank's reference
    Ntry/BkTxCd/Prtry/Cd        kind             …/Refs/EndToEndId            our order's key
    …/RltdPties Dbtr|Cdtr       counter party    …/RmtInf/Ustrd               sub-account

What is wrong with an entry is said of each, by its place among them (`/rows/<place>/Ntry`). Entries
that are not booked (status other than BOOK) are left out, as a statement has none.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from archive.errors import Fault
from deposits.statements.statement import (
    Line,
    LineKind,
    Statement,
    Unreadable,
    amount_of,
    day_of,
    limited,
    number_of,
    text_of,
)
from trading.money import Money

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
BYTES_MAX = 64 * 1024 * 1024
_NAMESPACES = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.\d\d\}Document")
_NOT_PROVIDED = "NOTPROVIDED"


def read(content: bytes) -> Statement:
    """The statement of a file with exactly one. Unreadable for anything else."""
    if len(content) > BYTES_MAX:
        raise Unreadable("deposits.statement.large", {"mib": BYTES_MAX >> 20})
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Unreadable("deposits.statement.xml") from error
    if not _NAMESPACES.fullmatch(root.tag):
        raise Unreadable("deposits.statement.not_camt")
    ns = root.tag[: -len("Document")]
    statements = root.findall(f"{ns}BkToCstmrStmt/{ns}Stmt")
    if len(statements) != 1:
        raise Unreadable("deposits.statement.not_one", {"count": len(statements)})
    return _statement(_Reader(ns), statements[0])


class _Reader:
    """Finds elements by path without their namespace."""

    def __init__(self, ns: str) -> None:
        self._ns = ns

    def path(self, path: str) -> str:
        return "/".join(self._ns + part for part in path.split("/"))

    def one(self, element: Any, path: str) -> str:
        found = element.findall(self.path(path))
        if len(found) != 1 or not (found[0].text or "").strip():
            raise Unreadable("deposits.statement.element", {"path": path})
        return text_of(found[0].text)

    def maybe(self, element: Any, path: str) -> str:
        found = element.find(self.path(path))
        text = text_of(found.text) if found is not None else ""
        return "" if text == _NOT_PROVIDED else text

    def all(self, element: Any, path: str) -> list[Any]:
        return list(element.findall(self.path(path)))

    def amount(self, element: Any) -> Money:
        """A signed amount from `Amt` and `CdtDbtInd`."""
        found = self.all(element, "Amt")
        if len(found) != 1 or found[0].get("Ccy") != "CNY":
            raise Unreadable("deposits.statement.currency")
        amount = amount_of(found[0].text or "")
        side = self.one(element, "CdtDbtInd")
        if side not in ("CRDT", "DBIT"):
            raise Unreadable("deposits.statement.side", {"text": side[:20]})
        return amount if side == "CRDT" else -amount


def _statement(r: _Reader, stmt: Any) -> Statement:
    balances: dict[str, tuple[Money, date]] = {}
    for balance in r.all(stmt, "Bal"):
        code = r.one(balance, "Tp/CdOrPrtry/Cd")
        if code in balances:
            raise Unreadable("deposits.statement.balance", {"code": code[:20]})
        balances[code] = r.amount(balance), day_of(r.one(balance, "Dt/Dt"))
    if not {"OPBD", "CLBD"} <= set(balances):
        raise Unreadable("deposits.statement.balance", {"code": "OPBD, CLBD"})
    number = number_of(r.one(stmt, "ElctrncSeqNb"))
    account = r.one(stmt, "Acct/Id/Othr/Id")
    lines: list[Line] = []
    faults: list[Fault] = []
    for place, entry in enumerate(r.all(stmt, "Ntry"), 1):
        try:
            if _is_booked(r, entry):
                lines.append(_line(r, entry))
        except Unreadable as error:
            faults += error.at(f"/rows/{place}/Ntry")
    if faults:
        raise Unreadable.of(faults)
    return Statement(
        account=account,
        number=number,
        closed_on=balances["CLBD"][1],
        opening=balances["OPBD"][0],
        closing=balances["CLBD"][0],
        lines=limited(lines),
    )


def _is_booked(r: _Reader, entry: Any) -> bool:
    status = r.maybe(entry, "Sts/Cd") or r.maybe(entry, "Sts")
    return status in ("BOOK", "")


def _line(r: _Reader, entry: Any) -> Line:
    details = r.all(entry, "NtryDtls/TxDtls")
    if len(details) > 1:
        raise Unreadable("deposits.statement.several")
    amount = r.amount(entry)
    detail = details[0] if details else entry
    code = r.maybe(entry, "BkTxCd/Prtry/Cd")
    kind = LineKind(code) if code in set(LineKind) else LineKind.OTHER
    side = "Dbtr" if amount.fen > 0 else "Cdtr"
    parties = f"RltdPties/{side}"
    return Line(
        reference=r.one(entry, "AcctSvcrRef"),
        booked_on=day_of(r.one(entry, "BookgDt/Dt")),
        amount=amount,
        kind=kind,
        account=r.maybe(detail, "RmtInf/Ustrd"),
        counter_account=r.maybe(detail, f"{parties}Acct/Id/Othr/Id"),
        counter_name=r.maybe(detail, f"{parties}/Pty/Nm") or r.maybe(detail, f"{parties}/Nm"),
        key=r.maybe(detail, "Refs/EndToEndId"),
    )


# --- Writing (for the bank that stands in for a real one, and for tests) --------------------


def write(statement: Statement) -> bytes:
    """The statement as camt.053.001.08; `read` gives it back."""
    document = Element("Document", xmlns=NAMESPACE)
    root = SubElement(document, "BkToCstmrStmt")
    head = SubElement(root, "GrpHdr")
    _put(head, "MsgId", f"{statement.account}-{statement.number}")
    _put(head, "CreDtTm", f"{statement.closed_on.isoformat()}T00:00:00+08:00")
    stmt = SubElement(root, "Stmt")
    _put(stmt, "Id", f"{statement.account}-{statement.number}")
    _put(stmt, "ElctrncSeqNb", str(statement.number))
    _put(stmt, "Acct/Id/Othr/Id", statement.account)
    for code, money in (("OPBD", statement.opening), ("CLBD", statement.closing)):
        balance = SubElement(stmt, "Bal")
        _put(balance, "Tp/CdOrPrtry/Cd", code)
        _put_amount(balance, money)
        _put(balance, "Dt/Dt", statement.closed_on.isoformat())
    for line in statement.lines:
        entry = SubElement(stmt, "Ntry")
        _put_amount(entry, line.amount)
        if line.kind is LineKind.REVERSAL:
            _put(entry, "RvslInd", "true")
        _put(entry, "Sts/Cd", "BOOK")
        _put(entry, "BookgDt/Dt", line.booked_on.isoformat())
        _put(entry, "AcctSvcrRef", line.reference)
        _put(entry, "BkTxCd/Prtry/Cd", line.kind)
        detail = SubElement(SubElement(entry, "NtryDtls"), "TxDtls")
        _put(detail, "Refs/EndToEndId", line.key or _NOT_PROVIDED)
        if line.counter_name or line.counter_account:
            side = "Dbtr" if line.amount.fen > 0 else "Cdtr"
            parties = SubElement(detail, "RltdPties")
            if line.counter_name:
                _put(parties, f"{side}/Pty/Nm", line.counter_name)
            if line.counter_account:
                _put(parties, f"{side}Acct/Id/Othr/Id", line.counter_account)
        if line.account:
            _put(detail, "RmtInf/Ustrd", line.account)
    content: bytes = tostring(document, encoding="utf-8", xml_declaration=True)
    return content


def _put(parent: Element, path: str, text: str) -> None:
    element = parent
    for part in path.split("/"):
        element = SubElement(element, part)
    element.text = text


def _put_amount(parent: Element, amount: Money) -> None:
    element = SubElement(parent, "Amt", Ccy="CNY")
    element.text = Money(abs(amount.fen)).in_yuan()
    _put(parent, "CdtDbtInd", "DBIT" if amount.fen < 0 else "CRDT")
