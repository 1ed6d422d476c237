"""What a stranger sends: a dossier as a .zip, unpacked within bounds, or a draw's transcript or another
artefact as .json. Judged in a process of its own.

What is refused: no zip, damaged or encrypted; names that lead out of the folder, stand twice, or are
no plain relative path; links and whatever else is neither file nor folder; more than FILES_MAX
entries; more than BYTES_MAX in all, counted as they come out and not as the directory promises (so
overlapping entries gain nothing); packings other than stored and deflated.

The judging is `bigloop verify` itself, in another process with a limit of time: what a stranger
wrote can neither hold up the server nor fill its memory, and it is the very program that anybody
may run at home. Nothing is kept: the folder is gone with the answer.
"""

from __future__ import annotations

import io
import json
import stat
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from archive.errors import Kind, Refusal
from archive.note import Verifier
from archive.words import Language

FILES_MAX = 4_000
BYTES_MAX = 128 * 1024 * 1024
NAME_CHARACTERS_MAX = 300
SECONDS_MAX = 30
CHUNK_BYTES = 1024 * 1024
UNIX = 3
"""The zip directory's mark of entries whose attributes are a Unix mode."""
PACKINGS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
ENCRYPTED = 0x1


@dataclass(frozen=True)
class StepRead:
    """One step as a page shows it; `findings` are (file, sentence)."""

    number: int
    name: str
    status: str
    findings: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Judged:
    """`verdict` is VALID, INVALID, UNREADABLE or INDETERMINATE."""

    verdict: str
    steps: tuple[StepRead, ...]


def judge(content: bytes, keys: Sequence[Verifier], language: Language) -> Judged:
    """Verify, a dossier unpacked; refuses INVALID what cannot be unpacked, UNAVAILABLE what takes too long."""
    with tempfile.TemporaryDirectory(prefix="bigloop-upload-") as place:
        sent = Path(place) / "dossier"
        if content.lstrip().startswith(b"{"):
            sent = _single(content, sent.with_suffix(".json"))
        else:
            unpack(content, sent)
            sent = _inner(sent)
        trust = Path(place) / "trust.txt"
        trust.write_text("".join(f"{key.vkey}\n" for key in keys), "utf-8")
        words = ["verify", str(sent), "--trust", str(trust), "--json"]
        try:
            done = subprocess.run(  # our own program, on a folder of our making
                [sys.executable, "-m", "api.cli", *words],
                capture_output=True,
                timeout=SECONDS_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Refusal(
                "api.upload.too_slow", {"seconds": SECONDS_MAX}, Kind.UNAVAILABLE
            ) from None
    return _read(json.loads(done.stdout), language)


def _single(content: bytes, path: Path) -> Path:
    """Write what is one file."""
    if len(content) > BYTES_MAX:
        raise Refusal("api.upload.too_large", {"bytes_max": BYTES_MAX})
    path.write_bytes(content)
    return path


def unpack(content: bytes, folder: Path) -> None:
    """Write the files of a zip below `folder`, which is made."""
    folder.mkdir()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > FILES_MAX:
                raise Refusal("api.upload.too_many", {"files_max": FILES_MAX})
            names = [_checked(entry) for entry in entries]
            if len(set(names)) < len(names):
                raise Refusal("api.upload.twice", {})
            left = BYTES_MAX
            for entry, name in zip(entries, names, strict=True):
                path = folder / name
                if entry.is_dir():
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                left -= _write(archive, entry, path, left)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError):
        raise Refusal("api.upload.no_zip", {}) from None
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise Refusal("api.upload.twice", {}) from None


def _checked(entry: zipfile.ZipInfo) -> PurePosixPath:
    """The entry's name as a path below the folder."""
    name = entry.orig_filename.rstrip("/")
    parts = name.split("/")
    shown = {"name": "".join(c if c.isprintable() else "?" for c in name[:80])}
    is_plain = name.isprintable() and "\\" not in name and ":" not in parts[0]
    if not is_plain or len(name) > NAME_CHARACTERS_MAX or {"", ".", ".."} & set(parts):
        raise Refusal("api.upload.path", shown)
    mode = entry.external_attr >> 16 if entry.create_system == UNIX else 0
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Refusal("api.upload.link", shown)
    if entry.flag_bits & ENCRYPTED or entry.compress_type not in PACKINGS:
        raise Refusal("api.upload.packing", shown)
    return PurePosixPath(name)


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, most: int) -> int:
    """Write one file, `most` bytes at most; how many it has."""
    written = 0
    with archive.open(entry) as source, path.open("xb") as target:
        while chunk := source.read(CHUNK_BYTES):
            written += len(chunk)
            if written > most:
                raise Refusal("api.upload.too_large", {"bytes_max": BYTES_MAX})
            target.write(chunk)
    return written


def _inner(folder: Path) -> Path:
    """The dossier: the folder, or the only folder in it, as a zip of a folder has it."""
    items = list(folder.iterdir())
    return items[0] if len(items) == 1 and items[0].is_dir() else folder


def _read(report: dict[str, Any], language: Language) -> Judged:
    return Judged(
        report["verdict"],
        tuple(
            StepRead(
                step["number"],
                step["name"][language.value],
                step["status"],
                tuple((f["file"], f["words"][language.value]) for f in step["findings"]),
            )
            for step in report["steps"]
        ),
    )
