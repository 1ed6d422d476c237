"""Making outputs of a verifiable random function: ECVRF-EDWARDS25519-SHA512-TAI, RFC 9381, 5.1.

Whatever touches the private key is done by libsodium in constant time (PyNaCl): the multiples of
points by the key and by the nonce, and the arithmetic of the nonce. libsodium takes points of the
prime-order subgroup only; `encode_to_curve` has cleared the cofactor. Its input is public, so that
part may be plain arithmetic. The nonce is RFC 8032's (RFC 9381, 5.4.2.2): no chance is needed, and
the same question has the same answer, byte for byte.
"""

from __future__ import annotations

import hashlib

from nacl import bindings as sodium

from experts.vrf.verify import CHALLENGE_BYTES, challenge, encode_point, encode_to_curve

SECRET_BYTES = 32


def _expanded(secret: bytes) -> tuple[bytes, bytes]:
    """RFC 8032, 5.1.5: the scalar, clamped, and the half that nonces are made of."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a private key has {SECRET_BYTES} bytes, not {len(secret)}")
    digest = hashlib.sha512(secret).digest()
    scalar = bytes([digest[0] & 248]) + digest[1:31] + bytes([digest[31] & 63 | 64])
    return scalar, digest[32:]


def public_key(secret: bytes) -> bytes:
    """The public key, 32 bytes. ValueError for a secret of another length."""
    return sodium.crypto_scalarmult_ed25519_base_noclamp(_expanded(secret)[0])


def prove(secret: bytes, alpha: bytes) -> bytes:
    """The proof (80 bytes) of the output for `alpha`; `verified_output` reads the output from it."""
    scalar, nonce_half = _expanded(secret)
    key = sodium.crypto_scalarmult_ed25519_base_noclamp(scalar)
    h = encode_point(encode_to_curve(key, alpha))
    gamma = sodium.crypto_scalarmult_ed25519_noclamp(scalar, h)
    nonce = sodium.crypto_core_ed25519_scalar_reduce(hashlib.sha512(nonce_half + h).digest())
    u = sodium.crypto_scalarmult_ed25519_base_noclamp(nonce)
    v = sodium.crypto_scalarmult_ed25519_noclamp(nonce, h)
    c = challenge(key, h, gamma, u, v).to_bytes(32, "little")
    s = sodium.crypto_core_ed25519_scalar_add(
        nonce, sodium.crypto_core_ed25519_scalar_mul(c, scalar)
    )
    return gamma + c[:CHALLENGE_BYTES] + s
