"""The national algorithms, behind one function each: SM3 (GB/T 32905), SM4-GCM (GB/T 32907, RFC 8998)
by `cryptography`, SM2 signatures (GB/T 32918.2) verified by `gmalg`.

Only verification of SM2 stands here, and no SM2 decryption: private keys stay with whoever signs
or receives (a UKey, an HSM), outside the platform. `gmalg` is pure Python and not constant in time,
which does no harm where everything is public.
"""

from __future__ import annotations

import gmalg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SM2_KEY_BYTES = 64
"""x ‖ y of the public point, big-endian."""
SM2_SIGNATURE_BYTES = 64
"""r ‖ s, big-endian."""
SM2_USER_ID = b"1234567812345678"
"""The distinguishing identifier that GM/T 0009 prescribes where none is agreed."""
_COORDINATE = 32
TAG_BYTES = 16


def sm3(data: bytes) -> bytes:
    """The digest, 32 bytes."""
    made = hashes.Hash(hashes.SM3())
    made.update(data)
    return made.finalize()


def sm4_gcm_seal(key: bytes, nonce: bytes, plain: bytes, additional: bytes = b"") -> bytes:
    """Ciphertext ‖ tag. Key 16 bytes, nonce 12 and never used twice under one key."""
    box = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    box.authenticate_additional_data(additional)
    return box.update(plain) + box.finalize() + box.tag


def sm4_gcm_open(key: bytes, nonce: bytes, sealed: bytes, additional: bytes = b"") -> bytes:
    """The plain text; ValueError where key, nonce, additional data or a single bit differs."""
    if len(sealed) < TAG_BYTES:
        raise ValueError("shorter than its tag")
    cut = len(sealed) - TAG_BYTES
    box = Cipher(algorithms.SM4(key), modes.GCM(nonce, sealed[cut:])).decryptor()
    box.authenticate_additional_data(additional)
    try:
        return box.update(sealed[:cut]) + box.finalize()
    except InvalidTag:
        raise ValueError("not sealed by this key") from None


def is_sm2_signature(
    public_key: bytes, data: bytes, signature: bytes, user_id: bytes = SM2_USER_ID
) -> bool:
    """Whether `signature` (r ‖ s, or both in DER as GM/T 0009 writes them) is the signature of the
    holder of `public_key` (x ‖ y) over `data`. False for everything out of form: a point that is
    not on the curve, r or s zero, negative, beyond the order, or of another length."""
    numbers = _numbers(signature)
    if len(public_key) != SM2_KEY_BYTES or numbers is None:
        return False
    r, s = (number.to_bytes(_COORDINATE, "big") for number in numbers)
    try:
        return bool(gmalg.SM2(uid=user_id, pk=b"\x04" + public_key).verify(data, r, s))
    except (gmalg.errors.GMError, ValueError, ArithmeticError):
        return False


def _numbers(signature: bytes) -> tuple[int, int] | None:
    """r and s in 1 … 2^256 − 1, None where they cannot be read; their order is judged by gmalg."""
    if len(signature) == SM2_SIGNATURE_BYTES:
        r = int.from_bytes(signature[:_COORDINATE], "big")
        s = int.from_bytes(signature[_COORDINATE:], "big")
    else:
        try:
            r, s = decode_dss_signature(signature)
        except ValueError:
            return None
    fits = 0 < r < 1 << 8 * _COORDINATE and 0 < s < 1 << 8 * _COORDINATE
    return (r, s) if fits else None
