"""Reports that stations sign where they arise, and what is judged of them (工位签名上报).

A station (a venue's device or a browser at a booth) gets a key of its own bound to a session. It numbers
its reports from 0, each holds the digest of the one before, and signs the canonical bytes

    {"at", "data", "kind", "n", "prev", "session", "station", "up", "v": "bigloop.station.v1"}

with Ed25519 or with ECDSA P-256 and SHA-256 (raw r ‖ s): the two that browsers' WebCrypto makes. The
server stamps and orders, but it can invent, change, reorder or leave out none without its showing.
`at` is the station's own clock and `up` its monotonic milliseconds: where the two do not advance
alike, somebody set the clock; that holds for reports that come late, too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from archive import canonical
from archive.journal.entry import moment_of

REPORT_FORMAT = "bigloop.station.v1"
NO_REPORT = "0" * 64
SIGNATURE_BYTES = 64


class Algorithm(StrEnum):
    ED25519 = "ED25519"
    P256 = "P-256"


def decode64(text: str) -> bytes | None:
    """The bytes of canonical base64; None for anything else."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


@dataclass(frozen=True)
class StationKey:
    """`public`: 32 bytes (Ed25519) or 65 (P-256, uncompressed point)."""

    algorithm: Algorithm
    public: bytes

    @classmethod
    def of(cls, algorithm: str, key: str) -> StationKey | None:
        """The key of an algorithm's name and base64; None where it is none."""
        public = decode64(key)
        if public is None or algorithm not in Algorithm.__members__.values():
            return None
        try:
            if algorithm == Algorithm.ED25519:
                Ed25519PublicKey.from_public_bytes(public)
            else:
                if len(public) != 65:
                    return None
                ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
        except ValueError:
            return None
        return cls(Algorithm(algorithm), public)

    @property
    def text(self) -> str:
        return base64.b64encode(self.public).decode()

    @property
    def fingerprint(self) -> str:
        """Twenty hex digits of its SHA-256 in five groups, to be read over the telephone."""
        digits = hashlib.sha256(self.public).hexdigest()
        return " ".join(digits[at : at + 4] for at in range(0, 20, 4))

    def is_signature(self, data: bytes, signature: bytes) -> bool:
        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            if self.algorithm is Algorithm.ED25519:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, data)
            else:
                r, s = (int.from_bytes(signature[i : i + 32], "big") for i in (0, 32))
                point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.public)
                point.verify(encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Report:
    """One report as its station signed it. `at` is the text of the moment; `up` in milliseconds."""

    session: str
    station: str
    n: int
    prev: str
    at: str
    up: int
    kind: str
    data: Mapping[str, Any]
    signature: str = ""
    """Base64."""

    def signed_bytes(self) -> bytes:
        return canonical.encode(
            {
                "at": self.at,
                "data": self.data,
                "kind": self.kind,
                "n": self.n,
                "prev": self.prev,
                "session": self.session,
                "station": self.station,
                "up": self.up,
                "v": REPORT_FORMAT,
            }
        )

    @property
    def digest(self) -> str:
        """What the station's next report holds as `prev`."""
        return hashlib.sha256(self.signed_bytes()).hexdigest()

    def source(self) -> dict[str, Any]:
        """What an entry keeps beside the data, so that the signature can be checked from it alone."""
        return {
            "at": self.at,
            "n": self.n,
            "prev": self.prev,
            "sig": self.signature,
            "station": self.station,
            "up": self.up,
        }

    @classmethod
    def of_entry(cls, session: str, kind: str, data: Mapping[str, Any]) -> Report | None:
        """The report that an entry's data came from; None where no station signed it. Raises
        ValueError, KeyError or TypeError where `source` is not such."""
        source = data.get("source")
        if source is None:
            return None
        if set(source) != {"at", "n", "prev", "sig", "station", "up"}:
            raise ValueError("not a source")
        own = {name: value for name, value in data.items() if name != "source"}
        return cls(
            session=session,
            station=source["station"],
            n=source["n"],
            prev=source["prev"],
            at=source["at"],
            up=source["up"],
            kind=kind,
            data=own,
            signature=source["sig"],
        )


class Wrong(StrEnum):
    """Why a report is not taken in. What it says may be anything; that it came is recorded."""

    FORGED = "FORGED"  # not signed by the station's key
    REPLAYED = "REPLAYED"  # a number that was taken in before
    OTHER_HISTORY = "OTHER_HISTORY"  # the next number, after another report than ours
    UNKNOWN = "UNKNOWN"  # no key is bound for that station


@dataclass(frozen=True)
class Line:
    """What is known of a bound station: its key, and how far its numbering has come."""

    venue: str
    key: StationKey
    next: int = 0
    last: str = NO_REPORT
    last_at: datetime | None = None
    last_up: int = 0


@dataclass(frozen=True)
class Judged:
    """`wrong`: not taken in. `is_repeat`: the newest report once more, as a station sends it whose
    acknowledgement was lost; nothing is recorded. `missing`: numbers left out before it;
    `step`: how far the station's clock was set since its last report."""

    line: Line
    wrong: Wrong | None = None
    is_repeat: bool = False
    missing: int = 0
    step: timedelta = timedelta()


def judge(line: Line, report: Report) -> Judged:
    """Judge the next report of a line. Pure; whether the data is in the list is asked elsewhere."""
    signature = decode64(report.signature)
    if signature is None or not line.key.is_signature(report.signed_bytes(), signature):
        return Judged(line, Wrong.FORGED)
    digest = report.digest
    if report.n == line.next - 1 and digest == line.last:
        return Judged(line, is_repeat=True)
    if report.n < line.next:
        return Judged(line, Wrong.REPLAYED)
    missing = report.n - line.next
    if missing == 0 and report.prev != line.last:
        return Judged(line, Wrong.OTHER_HISTORY)
    at = moment_of(report.at)
    step = timedelta()
    if line.last_at is not None and report.up >= line.last_up:
        # A device that was started anew counts `up` from 0 again: nothing to compare.
        step = (at - line.last_at) - timedelta(milliseconds=report.up - line.last_up)
    new = replace(line, next=report.n + 1, last=digest, last_at=at, last_up=report.up)
    return Judged(new, missing=missing, step=step)
