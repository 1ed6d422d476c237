"""The check of restored guarantees beside pyHanko's validation of the same files.

The issuers' desk's own houses issue: each guarantee has its cipher of before the opening, the plain signed
document, the printed form (PDF) and that day's list of revoked certificates. Ours makes all checks of
`deposits.guarantees.checks`; the peer reads the PDF and has pyHanko validate its signature, chain and
revocation, with the roots loaded once. The houses of every third application sign their documents by SM2,
in pure Python: that case is measured as it comes, and once more without them.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from api.desks.issuer.houses import Houses, houses_of
from api.desks.issuer.papers import printed, revoked, sign
from deposits.forms import GUARANTEES
from deposits.guarantees.checks import Answer, Case, Demand, Printed, faults_of, readable
from deposits.guarantees.document import Guarantee, SignedGuarantee
from deposits.guarantees.document import sign as sign_document
from deposits.guarantees.pdf import PDF, examine
from deposits.guarantees.slip import (
    Cipher,
    GuaranteeSlip,
    commitment,
    parse_slip,
    sign_cipher,
    slip_bytes,
)
from deposits.guarantees.states import GuaranteeState
from deposits.issuers.desk import Confirmed
from deposits.issuers.issuer import Issuer, KeyAlgorithm
from deposits.issuers.trust import TrustList
from trading.money import Money
from trading.synthetic import synthetic_uscc

GOAL = 0.7
COUNT, QUICK_COUNT = 1_000, 60
AT = datetime(2026, 10, 20, 2, tzinfo=UTC)
OPENING, UNTIL = date(2026, 10, 21), date(2027, 1, 31)
BENEFICIARY, DUE = synthetic_uscc(7, "532901"), Money(50_000_000)


@dataclass(frozen=True)
class Handed:
    """What lies there of one guarantee when it is to be verified."""

    issuer: Issuer
    bidder: str
    lot_id: str
    slip: bytes
    document: bytes
    file: bytes
    crl: bytes


def lines(*, quick: bool) -> Iterator[dict[str, object]]:
    """One line for all houses, one for those that sign by Ed25519."""
    with tempfile.TemporaryDirectory(prefix="bigloop-bench-") as folder:
        houses = houses_of(Path(folder))
        crl = revoked(houses.root, [], AT)
        count = QUICK_COUNT if quick else COUNT
        handed = [_issued(houses, crl, n) for n in range(count)]
    trust = TrustList(1, houses.roots)
    yield _line("all houses", handed, trust)
    plain = [each for each in handed if each.issuer.keys[0].algorithm is KeyAlgorithm.ED25519]
    yield _line("houses that sign by Ed25519", plain, trust)


def _line(which: str, handed: list[Handed], trust: TrustList) -> dict[str, object]:
    """One of ours and one of the peer's in turn."""
    roots = [asn1_x509.Certificate.load(der) for der in trust.certificates()]
    ours = peer = 0.0
    for each in handed:
        began = time.process_time()
        _ours(each, trust)
        between = time.process_time()
        _peer(each, roots)
        ours += between - began
        peer += time.process_time() - between
    ratio = round(peer / ours, 3)
    return {
        "bench": "deposits",
        "case": f"verification of {len(handed)} guarantees, {which}",
        "ours": round(len(handed) / ours, 1),
        "peer": round(len(handed) / peer, 1),
        "unit": "guarantees a second of processor time",
        "peer_name": "pyHanko's validation of the same PDF files",
        "ratio": ratio,
        "goal": f">= {GOAL:g}",
        "holds": ratio >= GOAL,
    }


def _ours(each: Handed, trust: TrustList) -> None:
    """The whole check; whoever is handed this finds nothing wrong."""
    signed = readable(each.document)
    assert isinstance(signed, SignedGuarantee)
    slip = parse_slip(each.slip, each.lot_id, BENEFICIARY, each.bidder)
    assert isinstance(slip, GuaranteeSlip)
    now = AT + timedelta(days=1)
    finding = examine(each.file, PDF, trust, [each.crl], signed.guarantee.issued_on, now)
    found = hashlib.sha256(each.file).hexdigest()
    sha256 = hashlib.sha256(each.document).hexdigest()
    said = Confirmed(GuaranteeState.ACTIVE, DUE, UNTIL, sha256)
    case = Case(
        signed=signed,
        demand=Demand(each.lot_id, BENEFICIARY, each.bidder, DUE, GUARANTEES, OPENING, UNTIL),
        issuer=each.issuer,
        cipher=slip.signed,
        printed=Printed(found, len(each.file), finding, {"sha256": found}),
        answer=Answer(said, sha256),
    )
    assert faults_of(case) == ()


def _peer(each: Handed, roots: list[asn1_x509.Certificate]) -> None:
    signature = PdfFileReader(BytesIO(each.file)).embedded_signatures[0]
    context = ValidationContext(
        trust_roots=roots,
        crls=[each.crl],
        moment=signature.self_reported_timestamp,
        allow_fetching=False,
        revocation_mode="require",
    )
    assert validate_pdf_signature(signature, context).bottom_line


def _issued(houses: Houses, crl: bytes, n: int) -> Handed:
    """The n-th guarantee, by each house in its turn."""
    house = list(houses.by_code.values())[n % len(houses.by_code)]
    number, bidder, lot_id, salt = f"BH{n:08d}", synthetic_uscc(n, "532901"), f"lot{n}", f"{n:064x}"
    cipher = Cipher(
        number=number,
        form=house.offer.form,
        issuer_uscc=house.offer.issuer_uscc,
        principal_uscc=bidder,
        commitment=commitment(lot_id, BENEFICIARY, bidder, salt),
        amount=DUE,
        issued_on=AT.date(),
        valid_from=AT.date(),
        valid_to=UNTIL,
    )
    file = printed([number, bidder, lot_id, "保函(合成数据)"], house.certified, houses.root, AT)
    plain = Guarantee(
        number=number,
        form=cipher.form,
        issuer_uscc=cipher.issuer_uscc,
        principal_uscc=bidder,
        beneficiary_uscc=BENEFICIARY,
        lot_id=lot_id,
        amount=DUE,
        issued_on=cipher.issued_on,
        valid_from=cipher.valid_from,
        valid_to=UNTIL,
        wording_sha256=hashlib.sha256(file).hexdigest(),
    )

    def signed(data: bytes) -> bytes:
        return sign(house.algorithm, house.secret, data)

    slip = slip_bytes(sign_cipher(cipher, signed), lot_id, BENEFICIARY, bidder, salt)
    return Handed(house.issuer, bidder, lot_id, slip, sign_document(plain, signed), file, crl)
