"""Outside witnesses as the settings name them: `<vkey> <submission prefix>`, separated by commas.

An outside witness is a party that the operator does not control: a university, another province's
centre. It needs no account; it knows the log's key and cosigns what continues the log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from archive.cosignature import Cosigner
from archive.note import MalformedNote

_PLAIN = re.compile(r"[!-~]+")
"""What HTTP takes as it is; a name in other letters is written in its ASCII form."""


@dataclass(frozen=True)
class Outside:
    witness: Cosigner
    url: str


def outsiders_of(text: str) -> tuple[Outside, ...]:
    """The witnesses of a setting: `<vkey> <url>`, separated by commas; ValueError."""
    found: list[Outside] = []
    for line in filter(None, map(str.strip, text.split(","))):
        vkey, _, url = line.partition(" ")
        try:
            one = Outside(Cosigner.parse(vkey), _prefix(url.strip()))
        except MalformedNote as error:
            raise ValueError(str(error)) from error
        # One key is one witness, and what it gives is kept by its name (C2SP tlog-policy, tlog-cosignature).
        for other in found:
            if other.witness.name == one.witness.name:
                raise ValueError(f"two witnesses of one name: {one.witness.name!r}")
            if other.witness.public_key == one.witness.public_key:
                names = f"{other.witness.name!r}, {one.witness.name!r}"
                raise ValueError(f"two witnesses with one key: {names}")
        found.append(one)
    return tuple(found)


def _prefix(url: str) -> str:
    """The submission prefix without a slash at its end; ValueError where nobody could be asked there."""
    wrong = f"not `<vkey> <url>`, with http or https: {url!r}"
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port out of range
        raise ValueError(wrong) from None
    if not is_address:
        raise ValueError(wrong)
    if not _PLAIN.fullmatch(url) or "?" in url or "#" in url or "@" in parts.netloc:
        raise ValueError(f"an address without user, query, fragment or spaces is needed: {url!r}")
    return url.rstrip("/")


def cosigners_of(text: str) -> tuple[Cosigner, ...]:
    """Their keys alone."""
    return tuple(one.witness for one in outsiders_of(text))
