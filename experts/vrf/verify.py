"""Checking outputs of a verifiable random function: ECVRF-EDWARDS25519-SHA512-TAI, RFC 9381.

The holder of a key has exactly one output for an input, cannot choose it, and proves that it is the
one; nobody else can tell it from chance before. All values here are public, so plain integers do:
nothing in this module may ever see a private key (`experts.vrf.prove` does). Key validation is
always on (RFC 9381, 5.4.5: "trusted uniqueness"), because a trustee's key is made by the trustee.

Points are in extended coordinates (X, Y, Z, T) of RFC 8032, 5.1.4; strings as in RFC 9381, 5.5.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

Point: TypeAlias = tuple[int, int, int, int]

KEY_BYTES = 32
PROOF_BYTES = 80
OUTPUT_BYTES = 64
CHALLENGE_BYTES = 16
SUITE = b"\x03"

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, P) % P
_ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
NEUTRAL: Point = (0, 1, 1, 0)


class InvalidProof(ValueError):
    """The key, or the proof for it, is none."""


def decode_point(text: bytes) -> Point | None:
    """RFC 8032, 5.1.3: the point, or None. Only the one spelling of each point is taken."""
    y = int.from_bytes(text, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if len(text) != KEY_BYTES or y >= P:
        return None
    u, v = (y * y - 1) % P, (_D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x + u) % P == 0:
        x = x * _ROOT_OF_MINUS_ONE % P
    if (v * x * x - u) % P != 0 or (x == 0 and sign == 1):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def encode_point(point: Point) -> bytes:
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(KEY_BYTES, "little")


def add(one: Point, two: Point) -> Point:
    """RFC 8032, 5.1.4; complete, so that it doubles too."""
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c = 2 * one[3] * two[3] * _D % P
    d = 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def double(point: Point) -> Point:
    x, y, z, _ = point
    a, b = x * x % P, y * y % P
    h = a + b
    e = h - (x + y) * (x + y)
    g = a - b
    f = 2 * z * z + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def negate(point: Point) -> Point:
    return -point[0] % P, point[1], point[2], -point[3] % P


def sum_of_multiples(m: int, one: Point, n: int, two: Point) -> Point:
    """m · one + n · two, with one chain of doublings for both."""
    table = (NEUTRAL, one, two, add(one, two))
    total = NEUTRAL
    for bit in range(max(m.bit_length(), n.bit_length()) - 1, -1, -1):
        total = double(total)
        index = (m >> bit & 1) | (n >> bit & 1) << 1
        if index:
            total = add(total, table[index])
    return total


def times_cofactor(point: Point) -> Point:
    return double(double(double(point)))


def is_neutral(point: Point) -> bool:
    return point[0] % P == 0 and (point[1] - point[2]) % P == 0


_Y = 4 * pow(5, -1, P) % P
_BASE = decode_point(_Y.to_bytes(KEY_BYTES, "little"))
assert _BASE is not None
BASE: Point = _BASE


def encode_to_curve(key: bytes, alpha: bytes) -> Point:
    """RFC 9381, 5.4.1.1 (try and increment), the public key as salt."""
    for counter in range(256):
        text = SUITE + b"\x01" + key + alpha + bytes([counter]) + b"\x00"
        point = decode_point(hashlib.sha512(text).digest()[:KEY_BYTES])
        if point is not None:
            point = times_cofactor(point)
            if not is_neutral(point):
                return point
    raise InvalidProof("no point for this input")  # one in 2^256


def challenge(*points: bytes) -> int:
    """RFC 9381, 5.4.3, of the key, H, Gamma, U, V as strings."""
    text = SUITE + b"\x02" + b"".join(points) + b"\x00"
    return int.from_bytes(hashlib.sha512(text).digest()[:CHALLENGE_BYTES], "little")


def is_key(key: bytes) -> bool:
    """RFC 9381, 5.4.5: a point that is not of small order."""
    point = decode_point(key)
    return point is not None and not is_neutral(times_cofactor(point))


def verified_output(key: bytes, alpha: bytes, proof: bytes) -> bytes:
    """The output (64 bytes) that `proof` (80 bytes) proves for the public key and the input.

    InvalidProof where it proves none: RFC 9381, 5.3 with validate_key.
    """
    public = decode_point(key)
    if public is None or is_neutral(times_cofactor(public)):
        raise InvalidProof("not a public key")
    if len(proof) != PROOF_BYTES:
        raise InvalidProof("a proof has 80 bytes")
    gamma_text = proof[:KEY_BYTES]
    gamma = decode_point(gamma_text)
    c = int.from_bytes(proof[KEY_BYTES : KEY_BYTES + CHALLENGE_BYTES], "little")
    s = int.from_bytes(proof[KEY_BYTES + CHALLENGE_BYTES :], "little")
    if gamma is None or s >= Q:
        raise InvalidProof("malformed")
    h = encode_to_curve(key, alpha)
    u = sum_of_multiples(s, BASE, c, negate(public))
    v = sum_of_multiples(s, h, c, negate(gamma))
    if c != challenge(key, encode_point(h), gamma_text, encode_point(u), encode_point(v)):
        raise InvalidProof("the proof does not fit key and input")
    return _output(gamma)


def output_of(proof: bytes) -> bytes:
    """RFC 9381, 5.2: the output of a proof that `verified_output` has accepted before."""
    gamma = decode_point(proof[:KEY_BYTES])
    if gamma is None:
        raise InvalidProof("malformed")
    return _output(gamma)


def _output(gamma: Point) -> bytes:
    text = SUITE + b"\x03" + encode_point(times_cofactor(gamma)) + b"\x00"
    return hashlib.sha512(text).digest()
