"""The list of roots of trust as a register: a PEM file, which takes the place of the list before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from cryptography import x509
from sqlmodel import Session

from api.registers.column import Column
from api.registers.register import Effect, Line, Plan
from archive.actor import Actor
from archive.errors import Fault, Refusal
from archive.office import Tx
from archive.words import Language
from deposits.issuers import service as issuers
from deposits.issuers.trust import check_roots
from trading.spreadsheet import RowFault


@dataclass(frozen=True)
class Roots:
    """The register `roots`. A file is the whole list: what it lacks is removed."""

    name: str = "roots"
    needs: str = ".pem"
    columns: tuple[Column, ...] = ()

    def plan(self, db: Session, today: date, content: bytes) -> Plan:
        try:
            text = content.decode("utf-8-sig")
            prints = check_roots(text)
        except UnicodeDecodeError:
            return _no_list("deposits.trust.form")
        except Refusal as refusal:
            return _no_list(refusal.code, **refusal.params)
        found = x509.load_pem_x509_certificates(text.encode())
        known = _subjects(issuers.trust_list(db).roots)
        lines = [
            Line(
                number,
                Effect.SAME if digest in known else Effect.NEW,
                _subject(certificate, digest),
            )
            for number, (certificate, digest) in enumerate(zip(found, prints, strict=True), 1)
        ]
        faults = [
            RowFault(number, "", Fault("/", "api.register.root_ended", {"until": str(_last(root))}))
            for number, root in enumerate(found, 1)
            if prints[number - 1] not in known and _last(root) < today
        ]
        gone = [Line(0, Effect.GONE, known[each]) for each in known if each not in prints]
        return Plan((*lines, *gone), tuple(faults), content)

    def take(self, tx: Tx, actor: Actor, plan: Plan) -> None:
        if plan.of(Effect.NEW, Effect.GONE):
            issuers.pin_trust_list(tx, actor, plan.content.decode("utf-8-sig"))

    def file(self, db: Session | None, language: Language) -> bytes:
        return issuers.trust_list(db).roots.encode() if db is not None else b""


def _no_list(code: str, **params: str | int) -> Plan:
    return Plan((), (RowFault(1, "", Fault("/", code, params)),))


def _subjects(roots: str) -> dict[str, str]:
    """What is shown of the roots of a list, by fingerprint."""
    if not roots:
        return {}
    found = x509.load_pem_x509_certificates(roots.encode())
    prints = check_roots(roots)
    return {each: _subject(root, each) for root, each in zip(found, prints, strict=True)}


def _subject(root: x509.Certificate, digest: str) -> str:
    """Its name, the last day on which it is valid, and its fingerprint."""
    return f"{root.subject.rfc4514_string()} ~{_last(root)} SHA-256 {digest}"


def _last(root: x509.Certificate) -> date:
    return root.not_valid_after_utc.date()


ROOTS = Roots()
