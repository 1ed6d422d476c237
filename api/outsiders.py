"""Outside witnesses as the settings name them: `<vkey> <submission prefix>`, separated by commas.

An outside witness is a party that the operator does not control: a university, another province's
centre. It needs no account; it knows the log's key and cosigns what continues the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from archive.cosignature import Cosigner
from archive.note import MalformedNote


@dataclass(frozen=True)
class Outside:
    witness: Cosigner
    url: str


def outsiders_of(text: str) -> tuple[Outside, ...]:
    """The witnesses of a setting: `<vkey> <url>`, separated by commas; ValueError."""
    found = []
    for line in filter(None, map(str.strip, text.split(","))):
        vkey, _, url = line.partition(" ")
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not `<vkey> <url>`: {line!r}")
        try:
            found.append(Outside(Cosigner.parse(vkey), url.strip().rstrip("/")))
        except MalformedNote as error:
            raise ValueError(str(error)) from error
    return tuple(found)


def cosigners_of(text: str) -> tuple[Cosigner, ...]:
    """Their keys alone."""
    return tuple(one.witness for one in outsiders_of(text))
