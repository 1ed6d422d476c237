"""What the issuers' desk signs: guarantees as signed JSON, and their printed form as a PDF with the
issuer's certificate; and the little authority that certifies the issuers.

Everything is made from private keys that are handed in; they stay in the desk's folder. The PDF is
written by hand (one page, one font of the reader's own, the words as a text of UTF-16) and signed by
pyHanko (PAdES-B-B, ETSI EN 319 142-1).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import gmalg
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from archive.national import SM2_USER_ID
from deposits.issuers.issuer import KeyAlgorithm

ROOT_DAYS, HOUSE_DAYS, CRL_DAYS = 7300, 1825, 30
_FIELD = "Signature"


def public_key(algorithm: KeyAlgorithm, secret: bytes) -> bytes:
    """The public half of a signing key of 32 bytes."""
    if algorithm is KeyAlgorithm.SM2:
        return bytes(gmalg.SM2().generate_pk(secret)[1:])
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def sign(algorithm: KeyAlgorithm, secret: bytes, data: bytes) -> bytes:
    """64 bytes."""
    if algorithm is KeyAlgorithm.SM2:
        r, s = _sm2(secret).sign(data)
        return bytes(r).rjust(32, b"\0") + bytes(s).rjust(32, b"\0")
    return Ed25519PrivateKey.from_private_bytes(secret).sign(data)


def _sm2(secret: bytes) -> gmalg.SM2:
    return gmalg.SM2(secret, SM2_USER_ID, gmalg.SM2().generate_pk(secret))


@dataclass(frozen=True)
class Certified:
    """A key with its certificate; both in DER, the key as PKCS #8."""

    key: bytes
    certificate: bytes


def make_root(name: str, now: datetime) -> Certified:
    """A self-signed authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        _builder(subject, subject, key, now, ROOT_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Certified(_pkcs8(key), made.public_bytes(Encoding.DER))


def certify(
    root: Certified, uscc: str, name: str, now: datetime, days: int = HOUSE_DAYS
) -> Certified:
    """A certificate for an institution; its code is the organisation identifier of the subject."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.load_der_x509_certificate(root.certificate)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, uscc),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    made = (
        _builder(subject, authority.subject, key, now, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(_key(root), hashes.SHA256())
    )
    return Certified(_pkcs8(key), made.public_bytes(Encoding.DER))


def revoked(root: Certified, serials: list[int], now: datetime, days: int = CRL_DAYS) -> bytes:
    """The list of revoked certificates as of `now`, in DER."""
    authority = x509.load_der_x509_certificate(root.certificate)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.subject)
        .last_update(now - timedelta(minutes=1))
        .next_update(now + timedelta(days=days))
    )
    for serial in serials:
        gone = x509.RevokedCertificateBuilder().serial_number(serial)
        builder = builder.add_revoked_certificate(
            gone.revocation_date(now - timedelta(minutes=1)).build()
        )
    return builder.sign(_key(root), hashes.SHA256()).public_bytes(Encoding.DER)


def serial_of(certified: Certified) -> int:
    return x509.load_der_x509_certificate(certified.certificate).serial_number


def pem(certificate: bytes) -> str:
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM).decode()


def printed(lines: list[str], house: Certified, root: Certified, signed_at: datetime) -> bytes:
    """The printed form: a page with these lines, signed."""
    # Loaded here alone: it takes seconds, and a desk that prints nothing does without.
    from asn1crypto import keys as asn1_keys
    from asn1crypto import x509 as asn1_x509
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    class Signer(signers.PdfSigner):
        """Signs with the moment that it is told: the desk has no clock of its own."""

        def init_signing_session(self, *args: Any, **more: Any) -> Any:
            session = super().init_signing_session(*args, **more)
            session.system_time = signed_at
            return session

    writer = IncrementalPdfFileWriter(BytesIO(_page(lines)))
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register(asn1_x509.Certificate.load(root.certificate))
    signer = signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(house.certificate),
        signing_key=asn1_keys.PrivateKeyInfo.load(house.key),
        cert_registry=store,
    )
    metadata = signers.PdfSignatureMetadata(
        field_name=_FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        embed_validation_info=False,
    )
    out = Signer(metadata, signer).sign_pdf(writer, bytes_reserved=8192)
    return bytes(out.getvalue())


def _page(lines: list[str]) -> bytes:
    text = ["BT", "/F 11 Tf", "56 780 Td", "16 TL"]
    for line in lines:
        text += [f"<{line.encode('utf-16-be').hex()}> Tj", "T*"]
    stream = "\n".join([*text, "ET"]).encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UTF16-H"
        b" /DescendantFonts [6 0 R] >>",
        b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo"
        b" << /Registry (Adobe) /Ordering (GB1) /Supplement 5 >> /FontDescriptor 7 0 R >>",
        b"<< /Type /FontDescriptor /FontName /STSong-Light /Flags 4 /FontBBox [0 -200 1000 900]"
        b" /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>",
    ]
    out, places = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R /ID [<%s> <%s>] >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        *(hashlib.sha256(stream).hexdigest()[:32].encode(),) * 2,
        start,
    )
    return bytes(out)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=signs,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs,
        crl_sign=not signs,
        encipher_only=False,
        decipher_only=False,
    )


def _pkcs8(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _key(certified: Certified) -> ec.EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    key = load_der_private_key(certified.key, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey), "made here"
    return key
