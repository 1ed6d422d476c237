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
        text = data.decode("utf-8")
        value = _read(text)
        # The library's own encoder, many times as fast, writes what ours does: its escapes are the
        # same, only text, numbers of the right size, lists and objects come out of the decoder, and
        # keys sort alike as long as no character is beyond the surrogates.
        is_plain = text.isascii() or max(text) < "\ud800"
        same = (_plain(value) == text) if is_plain else (encode(value) == data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not same:
        raise ValueError("not canonical JSON")
    return value


def _integer(text: str) -> int:
    value = int(text) if len(text) < 18 else INTEGER_MAX + 1
    if abs(value) > INTEGER_MAX:
        raise ValueError(f"number out of range: {text[:40]}")
    return value


def _no_float(text: str) -> Any:
    raise ValueError(f"no float is canonical: {text}")


_read = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float, parse_int=_integer).decode
_plain = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")
).encode


_quote = json.encoder.encode_basestring
"""Escapes exactly as RFC 8785 asks (\\b \\t \\n \\f \\r \\" \\\\ and \\u00xx in lower case); DEL is left
alone by both."""


def _encode(value: Any) -> str:
    # Exact types first: transcripts and plans have millions of values.
    kind = type(value)
    if kind is str:
        return _quote(value)
    if kind is int:
        return _number(value)
    if kind is dict:
        return _object(value)
    if kind is list or kind is tuple:
        return "[" + ",".join(map(_encode, value)) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quote(str(value))
    if isinstance(value, int):
        return _number(int(value))
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return "[" + ",".join(map(_encode, value)) + "]"
    raise TypeError(f"no canonical form for {kind.__name__}")


def _number(value: int) -> str:
    if abs(value) > INTEGER_MAX:
        raise ValueError(f"number out of range: {value}")
    return str(value)


def _object(value: Mapping[Any, Any]) -> str:
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"key is not text: {key!r}")
    # In ASCII the order of characters is that of UTF-16 code units.
    plain = all(map(str.isascii, value))
    keys = sorted(value) if plain else sorted(value, key=_code_units)
    return "{" + ",".join([f"{_quote(key)}:{_encode(value[key])}" for key in keys]) + "}"


def _code_units(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")
