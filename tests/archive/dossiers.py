"""A small dossier for tests, and the insider who closes a changed one anew with a key."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from archive import canonical, package
from archive.bagit import manifest_text
from archive.dossier import Extract, Package, Required, assemble
from archive.errors import Reason
from archive.journal import service as journal
from archive.note import Signer
from archive.office import Office
from archive.verification.report import Report
from tests.builders import STAFF

FORGER = Signer("bigloop.example", Ed25519PrivateKey.from_private_bytes(b"f" * 32))
LOT = "lot/1"
DRAW = "trading:lot:drawn"
STREAMS = [LOT, "session/1"]
EXTRACTS = [Extract("pool", (3, 1)), Extract("lodging", (0,))]
REQUIRED = [Required("draw.json", DRAW)]


def fill(office: Office) -> None:
    """Two whole streams, two shared ones, five documents, one of them named twice; one tick."""
    for n in range(4):
        with office.write() as tx:
            notice = tx.vault.put("公告 1/2.pdf", "application/pdf", b"%PDF notice")
            tx.record(LOT, "trading:lot:noticed", STAFF, {"n": n}, (notice,))
            change = tx.vault.put(f"change-{n}", "text/plain", b"change %d" % n)
            tx.record("pool", "experts:pool:changed", STAFF, {"n": n}, (change,))
            tx.record("pool", "experts:pool:changed", STAFF, {"n": -n})
    with office.write() as tx:
        transcript = tx.keep("draw.json", {"format": "test.sum.v1", "sum": 3, "terms": [1, 2]})
        tx.record(LOT, DRAW, STAFF, {}, (transcript,))
        tx.record("session/1", "evaluation:session:opened", STAFF, {})
        tx.record("lodging", "trading:lodging:batch", STAFF, {})
        tx.record("lot/2", "trading:lot:noticed", STAFF, {})
    with office.write() as tx:
        journal.anchor(tx.db, tx.log, tx.now)
    with office.write() as tx:
        tx.record(LOT, "trading:lot:noticed", STAFF, {"after": "the tick"})


def assembled(office: Office, **how: Any) -> Package:
    wanted: dict[str, Any] = {
        "subject": LOT,
        "streams": STREAMS,
        "extracts": EXTRACTS,
        "required": REQUIRED,
        "tick": 0,
    }
    with office.read() as db:
        return assemble(db, office.vault, office.log, **{**wanted, **how})


def sums(value: Any) -> list[Any]:
    """The verifier of the format `test.sum.v1`."""
    return [] if sum(value["terms"]) == value["sum"] else [Reason("archive.verify.root")]


VERIFIERS = {"test.sum.v1": sums}


def closed_anew(payload: Mapping[str, bytes], key: Signer, **changes: Any) -> dict[str, bytes]:
    """All files around a changed payload, as an insider would make them who holds the key.

    `changes` go into `dossier.json`, which may then say anything.
    """
    payload = dict(payload)
    value = {**canonical.decode(payload[package.CONTENTS]), **changes}
    payload[package.CONTENTS] = canonical.encode(value)
    manifest = manifest_text({name: sha256(data) for name, data in payload.items()})
    tags = {
        package.BAGIT: b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        package.BAG_INFO: package.bag_info(value["log"], value["subject"], payload),
        package.MANIFEST: manifest,
    }
    tag_manifest = manifest_text({name: sha256(data) for name, data in tags.items()})
    text = package.signature_text(value["log"], value["subject"], sha256(tag_manifest))
    return {
        **payload,
        **tags,
        package.TAG_MANIFEST: tag_manifest,
        package.SIGNATURE: key.sign(text).encode(),
    }


def payload_of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name.startswith("data/")}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def spread(files: Mapping[str, bytes], folder: Path) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def failed(report: Report) -> set[int]:
    return {step.number for step in report.failed}


def blamed(report: Report) -> set[str]:
    return {finding.file for step in report.failed for finding in step.findings}


def codes(report: Report) -> set[str]:
    return {f.reason.code.removeprefix("archive.") for step in report.failed for f in step.findings}
