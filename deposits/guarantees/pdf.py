"""The signature of a printed guarantee: over the very bytes of the PDF, by a certificate that leads to
a pinned root and was neither expired nor revoked at the time of signing.

pyHanko reads and checks the signature (ISO 32000-2, 12.8; ETSI EN 319 142-1), pyhanko-certvalidator
the chain (RFC 5280) at the time of signing, with the lists of revoked certificates that were handed
in. Nothing is fetched: what cannot be told to be unrevoked is refused. The time of signing is the
signer's own word and must lie between the day of issue and the moment of the verification; a time
stamp of a third party is not asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

from archive.errors import Reason
from deposits.issuers.trust import TrustList
from trading.calendar.legal import legal_day

if TYPE_CHECKING:
    from asn1crypto import x509 as asn1_x509
    from pyhanko.sign.validation.status import PdfSignatureStatus

PDF = "application/pdf"
OFD = "application/ofd"
WEAK_DIGESTS = frozenset({"md2", "md5", "sha1"})
DETAIL_MAX = 200
# What it would log with a stack trace is our ordinary answer: a fault with its reason.
logging.getLogger("pyhanko.sign.validation.generic_cms").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class FileFinding:
    """What was found about a printed form. `faults` are empty where its signature holds; `notes` say
    what was not verified. `signer` is the code of the certified institution, `chain` the SHA-256
    fingerprints of signer and root, `signed_at` the signer's word."""

    media_type: str
    faults: tuple[Reason, ...] = ()
    notes: tuple[Reason, ...] = ()
    signer: str = ""
    certificate: str = ""
    signed_at: datetime | None = None
    trust_version: int = 0


def examine(
    content: bytes,
    media_type: str,
    trust: TrustList,
    crls: Sequence[bytes],
    issued_on: date,
    now: datetime,
) -> FileFinding:
    """Everything about a printed form that can be told without its guarantee. An OFD (GB/T 33190) is
    kept byte for byte, and its seal reported as not verified: no library reads it; its digest is
    compared all the same by whoever has the signed document."""
    if media_type == OFD:
        return FileFinding(OFD, notes=(Reason("deposits.note.ofd_seal"),))
    if media_type != PDF:
        fault = Reason("deposits.check.file_type", {"found": media_type[:60]})
        return FileFinding(media_type, faults=(fault,))
    # Loaded here alone: it takes seconds, and most processes never look at a PDF.
    from asn1crypto import crl as asn1_crl
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    try:
        reader = PdfFileReader(BytesIO(content), strict=True)
        found = list(reader.embedded_regular_signatures)
        if len(found) != 1:
            fault = Reason("deposits.check.file_signatures", {"count": len(found)})
            return FileFinding(PDF, faults=(fault,))
        signed_at = found[0].self_reported_timestamp
        if signed_at is None:
            return FileFinding(PDF, faults=(Reason("deposits.check.file_time_missing"),))
        context = ValidationContext(
            trust_roots=_roots_of(trust),
            crls=[asn1_crl.CertificateList.load(der) for der in crls],
            moment=signed_at,
            best_signature_time=signed_at,
            allow_fetching=False,
            revocation_mode="require",
            weak_hash_algos=set(WEAK_DIGESTS),
        )
        status = validate_pdf_signature(found[0], context, skip_diff=True)
    except Exception as error:  # the library raises what it likes on a file out of form
        params = {"detail": f"{type(error).__name__}: {error}"[:DETAIL_MAX]}
        return FileFinding(PDF, faults=(Reason("deposits.check.file_unreadable", params),))
    return FileFinding(
        media_type=PDF,
        faults=tuple(_faults(status, signed_at, issued_on, now)),
        signer=_signer_of(status.signing_cert),
        certificate=status.signing_cert.sha256.hex(),
        signed_at=signed_at,
        trust_version=trust.version,
    )


@lru_cache(maxsize=4)
def _roots_of(trust: TrustList) -> tuple[asn1_x509.Certificate, ...]:
    """Parsed once: a thousand guarantees lead to the same."""
    from asn1crypto import x509 as asn1_x509

    return tuple(asn1_x509.Certificate.load(der) for der in trust.certificates())


def _faults(
    status: PdfSignatureStatus, signed_at: datetime, issued_on: date, now: datetime
) -> list[Reason]:
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    faults = []
    if not (status.intact and status.valid):
        faults.append(Reason("deposits.check.file_changed"))
    if status.coverage is not SignatureCoverageLevel.ENTIRE_FILE:
        faults.append(Reason("deposits.check.file_not_covered"))
    if status.md_algorithm in WEAK_DIGESTS:
        faults.append(Reason("deposits.check.digest_weak", {"found": status.md_algorithm}))
    if status.revoked:
        faults.append(Reason("deposits.check.certificate_revoked"))
    elif not status.trusted:
        why = str(status.trust_problem_indic or "")
        faults.append(Reason("deposits.check.certificate", {"detail": why[:DETAIL_MAX]}))
    if not issued_on <= legal_day(signed_at) or signed_at > now:
        params = {"signed_at": signed_at.isoformat(), "issued_on": issued_on.isoformat()}
        faults.append(Reason("deposits.check.file_time", params))
    return faults


def _signer_of(certificate: asn1_x509.Certificate) -> str:
    """The code of the institution in the subject: the organisation identifier, else the serial
    number."""
    subject = certificate.subject.native
    return str(subject.get("organization_identifier") or subject.get("serial_number") or "")
