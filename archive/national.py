"""The national algorithms, behind one function each: SM3 (GB/T 32905), SM4-GCM (GB/T 32907, RFC 8998)
by `cryptography`, SM2 signatures (GB/T 32918.2) verified by `gmalg`.

Only verification of SM2 stands here, and no SM2 decryption: private keys stay with whoever signs
or receives (a UKey, an HSM), outside the platform. `gmalg` is pure Python and not constant in time,
which does no harm where everything is public. It divides at each step of a multiplication of points;
ours divides once, which makes a verification about six times as fast.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from gmalg.ellipticcurve import ECDLP, EllipticCurve
from gmalg.sm2 import SM2Core

SM2_KEY_BYTES = 64
"""x ‖ y of the public point, big-endian."""
SM2_SIGNATURE_BYTES = 64
"""r ‖ s, big-endian."""
SM2_USER_ID = b"1234567812345678"
"""The distinguishing identifier that GM/T 0009 prescribes where none is agreed."""
_COORDINATE = 32
TAG_BYTES = 16

Point = tuple[int, int]
INFINITE: Point = EllipticCurve.INF


class _Curve(EllipticCurve):  # type: ignore[misc]
    """A curve whose multiplication goes through Jacobian coordinates (x/z², y/z³)."""

    def mul(self, k: int, P: Point) -> Point:
        """k times the point P, for k of at least 1."""
        p, (px, py) = self._fp.p, P
        x, y, z = px, py, 1
        for bit in f"{k:b}"[1:]:
            x, y, z = self._twice(x, y, z)
            if bit == "0":
                continue
            zz = z * z % p
            dx, dy = (px * zz - x) % p, (py * z * zz - y) % p
            if z == 0:
                x, y, z = px, py, 1
            elif dx == 0:
                x, y, z = self._twice(x, y, z) if dy == 0 else (1, 1, 0)
            else:
                square = dx * dx % p
                cube, v = square * dx % p, x * square % p
                x = (dy * dy - cube - 2 * v) % p
                y, z = (dy * (v - x) - y * cube) % p, z * dx % p
        if z == 0:
            return INFINITE
        back = pow(z, -1, p)
        return x * back * back % p, y * back * back * back % p

    def _twice(self, x: int, y: int, z: int) -> tuple[int, int, int]:
        p, zz, yy = self._fp.p, z * z, y * y % self._fp.p
        s, m = 4 * x * yy % p, (3 * x * x + self.a * zz * zz) % p
        twice = (m * m - 2 * s) % p
        return twice, (m * (s - twice) - 8 * yy * yy) % p, 2 * y * z % p


class Sm2(SM2Core):  # type: ignore[misc]
    """Verifies signatures over y² = x³ + ax + b modulo p with base point g of order n."""

    def __init__(self, p: int, a: int, b: int, g: Point, n: int) -> None:
        group = ECDLP(p, a, b, g, n)
        group.ec = _Curve(group.fp, a, b)
        super().__init__(group, None)

    def _hash_fn(self, data: bytes) -> bytes:
        return sm3(data)

    def is_signature(self, point: Point, data: bytes, r: int, s: int, user_id: bytes) -> bool:
        """False also for a point that is not on the curve, and r or s out of range."""
        if max(point) >= self.ecdlp.fp.p or not self.ecdlp.ec.isvalid(point):
            return False
        return bool(self.verify(data, r, s, user_id, point))


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


SM2 = Sm2(
    0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF,
    0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFC,
    0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93,
    (
        0x32C4AE2C_1F198119_5F990446_6A39C994_8FE30BBF_F2660BE1_715A4589_334C74C7,
        0xBC3736A2_F4F6779C_59BDCEE3_6B692153_D0A9877C_C62A4740_02DF32E5_2139F0A0,
    ),
    0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123,
)
"""The recommended curve, GB/T 32918.5."""


def is_sm2_signature(
    public_key: bytes, data: bytes, signature: bytes, user_id: bytes = SM2_USER_ID
) -> bool:
    """Whether `signature` (r ‖ s, or both in DER as GM/T 0009 writes them) is the signature of the
    holder of `public_key` (x ‖ y) over `data`. False for everything out of form: a point that is
    not on the curve, r or s zero, negative, beyond the order, or of another length."""
    numbers = _numbers(signature)
    if len(public_key) != SM2_KEY_BYTES or numbers is None:
        return False
    x, y = (int.from_bytes(half, "big") for half in (public_key[:32], public_key[32:]))
    return SM2.is_signature((x, y), data, *numbers, user_id)


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
