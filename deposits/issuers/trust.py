"""The list of root certificates to which signatures of printed guarantees must lead (信任列表).

It is pinned by hand and versioned; a verification names the version and digest that it used. A root
is an X.509 certificate of an authority (RFC 5280, 4.2.1.9) in PEM. Nothing is fetched.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from archive.errors import Refusal

ROOTS_MAX = 200


@dataclass(frozen=True)
class TrustList:
    """`roots` is PEM text of all roots; version 0 is the empty list."""

    version: int
    roots: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.roots.encode()).hexdigest()

    def certificates(self) -> tuple[bytes, ...]:
        """The roots in DER."""
        if not self.roots:
            return ()
        found = x509.load_pem_x509_certificates(self.roots.encode())
        return tuple(certificate.public_bytes(Encoding.DER) for certificate in found)


def check_roots(roots: str) -> list[str]:
    """The SHA-256 fingerprints of the roots, in hex. Refuses INVALID what is no PEM, too long, or
    holds a certificate that is not an authority's."""
    try:
        found = x509.load_pem_x509_certificates(roots.encode())
    except ValueError:
        raise Refusal("deposits.trust.form", {"count_max": ROOTS_MAX}) from None
    if not 0 < len(found) <= ROOTS_MAX:
        raise Refusal("deposits.trust.form", {"count_max": ROOTS_MAX})
    for certificate in found:
        try:
            basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            basic = None
        if basic is None or not basic.ca:
            subject = certificate.subject.rfc4514_string()
            raise Refusal("deposits.trust.no_authority", {"subject": subject[:120]})
    return [certificate.fingerprint(hashes.SHA256()).hex() for certificate in found]
