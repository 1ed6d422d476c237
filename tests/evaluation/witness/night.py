"""A night in tests: devices that sign, witnesses who cosign, and a keeper."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from archive.actor import Actor, Role
from archive.cosignature import message
from archive.journal import service as journal
from archive.journal.entry import Entry, moment_text
from archive.merkle import Frontier
from archive.note import Checkpoint
from archive.office import Office, Tx
from evaluation.witness.desk import service as desk
from evaluation.witness.desk.service import Cosigning
from evaluation.witness.keeping import service as keeping
from evaluation.witness.sources import NO_REPORT, Report
from evaluation.witness.stations import service as stations
from tests.evaluation.course import Served, seal_all, staff

WITNESS_A = Actor("witness-a", frozenset({Role.SUPERVISOR}))
WITNESS_B = Actor("witness-b", frozenset({Role.SUPERVISOR}))
VENUE = "532901"


def encode64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass
class Device:
    """A station with a key of its own; `sign` is what WebCrypto would do."""

    name: str
    session: str
    algorithm: str = "P-256"
    n: int = 0
    prev: str = NO_REPORT
    up: int = 1000
    key: Any = None

    def __post_init__(self) -> None:
        if self.key is None:
            is_p256 = self.algorithm == "P-256"
            self.key = (
                ec.generate_private_key(ec.SECP256R1())
                if is_p256
                else (Ed25519PrivateKey.generate())
            )

    @property
    def public(self) -> str:
        key = self.key.public_key()
        if self.algorithm == "P-256":
            return encode64(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
        return encode64(key.public_bytes_raw())

    def sign(self, data: bytes) -> str:
        if self.algorithm == "P-256":
            r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
            return encode64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return encode64(self.key.sign(data))

    def signed(self, report: Report) -> Report:
        return replace(report, signature=self.sign(report.signed_bytes()))

    def report(self, at: datetime, kind: str = "heartbeat", **data: Any) -> Report:
        """The next one; the device counts on."""
        own = data if kind in ("door", "power") else {"station": self.name, **data}
        made = self.signed(
            Report(self.session, self.name, self.n, self.prev, moment_text(at), self.up, kind, own)
        )
        self.n, self.prev = self.n + 1, made.digest
        return made


@dataclass
class Night:
    """A session with its stations, witnesses and keeper."""

    served: Served
    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    lease: keeping.Lease | None = None
    watch: Any = None

    @property
    def office(self) -> Office:
        return self.served.office

    @property
    def id(self) -> str:
        return self.served.id

    @property
    def now(self) -> datetime:
        return self.office.clock.now()

    def seal(self) -> None:
        seal_all(self.served)

    def pass_time(self, **time: int) -> None:
        self.served.pass_time(timedelta(**time))

    def do(self, call: Callable[..., Any], actor: Actor, *given: Any, **named: Any) -> Any:
        with self.office.write() as tx:
            return call(tx, actor, self.id, *given, **named)

    def entries(self, kind: str = "") -> list[Entry]:
        with self.office.read() as db:
            found = list(journal.entries(db, f"session/{self.id}"))
        action = f"evaluation:witness:{kind}"
        return [entry for entry in found if not kind or entry.action == action]

    def device(self, name: str = "cam-1", algorithm: str = "P-256", every: int = 5) -> Device:
        """Bound by the venue's staff."""
        made = Device(name, self.id, algorithm)
        self.do(
            stations.bind_station,
            staff(VENUE),
            venue=VENUE,
            station=name,
            algorithm=algorithm,
            key=made.public,
            every=every,
        )
        return made

    def send(self, device: Device, *reports: Report) -> list[stations.Taken]:
        found: list[stations.Taken] = self.do(
            stations.take_reports, staff(VENUE), device.name, reports
        )
        return found

    def beat(self, device: Device, kind: str = "heartbeat", **data: Any) -> stations.Taken:
        """The device's clock agrees with the server's."""
        return self.send(device, device.report(self.now, kind, **data))[0]

    def run(self, device: Device, *, seconds: int, every: int = 5, **data: Any) -> None:
        """Time passes while the device reports."""
        for _ in range(seconds // every):
            self.pass_time(seconds=every)
            device.up += every * 1000
            self.beat(device, **data)

    # --- Witnesses ---

    def enrol(self, witness: Actor) -> Ed25519PrivateKey:
        key = Ed25519PrivateKey.generate()
        self.keys[witness.id] = key
        self.do(desk.enrol, witness, encode64(key.public_key().public_bytes_raw()))
        return key

    def on_duty(self, witness: Actor) -> None:
        self.enrol(witness)
        self.do(desk.go_on_duty, witness)

    def checkpoint(self, size: int | None = None) -> tuple[int, bytes, str]:
        """(size, root, text) as the witness's own client computes them from the entries."""
        frontier = Frontier()
        for entry in self.entries()[:size]:
            frontier = frontier.append(entry.leaf)
        origin = f"{self.office.log.name}/session/{self.id}"
        text = Checkpoint(origin, frontier.size, frontier.root()).text()
        return frontier.size, frontier.root(), text

    def cosigning(self, witness: Actor, size: int | None = None) -> Cosigning:
        size, root, text = self.checkpoint(size)
        seconds = int(self.now.timestamp())
        sig = encode64(self.keys[witness.id].sign(message(text, seconds)))
        return Cosigning(size, root.hex(), seconds, sig)

    def countersign(self, witness: Actor) -> None:
        self.do(desk.countersign, witness, self.cosigning(witness))

    # --- The keeper ---

    def round(self, holder: str = "node-1", real_now: datetime | None = None) -> list[str]:
        """One round of the keeper; what it wrote, as `STATE ALARM station`."""
        with self.office.write() as tx:
            found = self._keep(tx, holder, real_now or self.now)
        return [f"{c.state} {c.key.alarm} {c.key.station}".strip() for c in found]

    def _keep(self, tx: Tx, holder: str, real_now: datetime) -> Any:
        lease = keeping.take(tx, self.id, holder, real_now)
        assert lease is not None, "another holds it"
        self.lease = lease
        if self.watch is None:
            self.watch = keeping.begin(tx.db, self.id)
        return keeping.keep(tx, lease, self.watch, real_now)
