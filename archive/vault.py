"""The vault: documents by the SHA-256 of their content, in a folder.

A document is written to a temporary file, synced, and renamed into place, so a reader sees it whole
or not at all; it is hashed again on every read. The journal names documents by digest; a document
that no entry names (its transaction was rolled back) is harmless.

    <root>/ab/cdef…        the content; the name is the digest
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef

DOCUMENT_BYTES_MAX = 512 * 1024 * 1024


class Vault:
    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def _path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256[2:]

    def put(self, name: str, media_type: str, content: bytes) -> DocumentRef:
        """Keep a document; acknowledged means on disk. Storing the same content twice is free."""
        if len(content) > DOCUMENT_BYTES_MAX:
            raise Refusal(
                "archive.vault.too_large",
                {"name": name, "bytes": len(content), "bytes_max": DOCUMENT_BYTES_MAX},
            )
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(sha256)
        if not path.exists():
            is_new = not path.parent.exists()
            path.parent.mkdir(exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).replace(path)
                _sync_folder(path.parent)
                if is_new:
                    _sync_folder(self.root)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        return DocumentRef(name, sha256, len(content), media_type)

    def get(self, sha256: str) -> bytes:
        """The content; refuses GONE where it is missing and where it is no longer what it was."""
        try:
            content = self._path(sha256).read_bytes()
        except FileNotFoundError:
            raise Refusal("archive.vault.missing", {"sha256": sha256}, Kind.GONE) from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Refusal("archive.vault.damaged", {"sha256": sha256}, Kind.GONE)
        return content

    def discard(self, sha256: str) -> None:
        """Delete a document that no entry names as one; nothing where it is gone already."""
        path = self._path(sha256)
        if path.exists():
            path.unlink(missing_ok=True)
            _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
