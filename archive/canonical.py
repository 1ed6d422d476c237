"""Canonical JSON: the subset of RFC 8785 (JCS) without floats.

Objects with keys sorted by UTF-16 code units, no white space, integers within ±(2^53 − 1), strings
in UTF-8 with the shortest escapes. Floats are refused, so money and scores are whole numbers by
construction; lone surrogates are refused, for they have no UTF-8.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

INTEGER_MAX = 2**53 - 1
"""Beyond it JSON readers that use doubles disagree (RFC 8785, section 3.2.2.3; RFC 7493)."""


def encode(value: Any) -> bytes:
    """The canonical bytes of `value` (mappings, sequences, str, int, bool, None).

    Raises TypeError for any other type, floats included, and ValueError for a number or a string
    that has no canonical form.
    """
    return _encode(value).encode("utf-8")


def digest(value: Any) -> str:
    """SHA-256 of the canonical bytes, in hex."""
    return hashlib.sha256(encode(value)).hexdigest()


def decode(data: bytes) -> Any:
    """The value of canonical `data`; ValueError where the bytes are not the canonical form.

    Duplicate keys, white space, floats and other spellings of the same value are all refused, so
    that one value has one sequence of bytes.
    """
    try:
        value = json.loads(data.decode("utf-8"), parse_float=_no_float, parse_constant=_no_float)
        same = encode(value) == data
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not same:
        raise ValueError("not canonical JSON")
    return value


def _no_float(text: str) -> Any:
    raise ValueError(f"no float is canonical: {text}")


def _encode(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise ValueError(f"number out of range: {value}")
        return str(int(value))
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"key is not text: {key!r}")
        items = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_string(k)}:{_encode(v)}" for k, v in items) + "}"
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return "[" + ",".join(map(_encode, value)) + "]"
    raise TypeError(f"no canonical form for {type(value).__name__}")


def _string(text: str) -> str:
    # json.dumps escapes exactly as RFC 8785 asks (\b \t \n \f \r \" \\ and \u00xx in lower case);
    # DEL is left alone by both.
    text = str(text)
    text.encode("utf-8")
    return json.dumps(text, ensure_ascii=False)
