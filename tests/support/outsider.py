"""What an outsider writes who has read the C2SP specifications and nothing of ours.

Nothing of the product is imported: signed notes, checkpoints, cosignatures, tiles, proofs, policies
and a witness that answers `add-checkpoint`, from the texts of the specifications alone. Tests hold
what we write against it.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def h(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it is written there."""
    if not leaves:
        return h()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return h(b"\x01", mth(leaves[:k]), mth(leaves[k:]))


def vkey(text: str) -> tuple[str, bytes, int, bytes]:
    """(name, id, type, key)."""
    name, identity, encoded = text.split("+", 2)
    material = base64.b64decode(encoded)
    assert h(name.encode(), b"\n", material)[:4].hex() == identity
    return name, bytes.fromhex(identity), material[0], material[1:]


def good_signatures(note: str, keys: list[str]) -> dict[str, int]:
    """vkeys that signed, each with its time (0 for a plain signature)."""
    text, _, tail = note.rpartition("\n\n")
    text += "\n"
    found = {}
    for line in tail.splitlines():
        dash, name, encoded = line.split(" ")
        assert dash == "—"
        blob = base64.b64decode(encoded, validate=True)
        for key in keys:
            known, identity, kind, public = vkey(key)
            if (known, identity) != (name, blob[:4]):
                continue
            message, signature, at = text.encode(), blob[4:], 0
            if kind == 4:
                at = int.from_bytes(blob[4:12], "big")
                message = f"cosignature/v1\ntime {at}\n".encode() + message
                signature = blob[12:]
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
            except InvalidSignature:
                raise AssertionError(f"wrong signature of {name}") from None
            found[key] = at
    return found


def checkpoint(note: str) -> tuple[str, int, bytes]:
    origin, size, root = note.partition("\n\n")[0].split("\n")
    return origin, int(size), base64.b64decode(root, validate=True)


def includes(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> bool:
    """RFC 9162, section 2.1.3.2."""
    if index >= size or len(leaf) != 32:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = h(b"\x01", p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = h(b"\x01", r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def is_consistent(old: int, new: int, path: list[bytes], old_root: bytes, new_root: bytes) -> bool:
    """RFC 9162, section 2.1.4.2, with the cases that it leaves to its reader."""
    if old == 0:
        return not path
    if old == new:
        return not path and old_root == new_root
    if old > new or not (path or old & (old - 1) == 0):
        return False
    nodes = list(path)
    if old & (old - 1) == 0:
        nodes.insert(0, old_root)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = nodes[0]
    for c in nodes[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = h(b"\x01", c, fr), h(b"\x01", c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = h(b"\x01", sr, c)
        fn, sn = fn >> 1, sn >> 1
    return fr == old_root and sr == new_root and sn == 0


def proves(text: str, entry: bytes) -> str:
    """Check a tlog-proof for an entry; gives its checkpoint."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    assert lines.pop(0) == "c2sp.org/tlog-proof@v1"
    if lines[0].startswith("extra "):
        lines.pop(0)
    index = int(lines.pop(0).removeprefix("index "))
    path = [base64.b64decode(line, validate=True) for line in lines]
    _, size, root = checkpoint(note)
    assert includes(h(b"\x00", entry), index, size, path, root)
    return note


def has_quorum(policy: str, note: str) -> bool:
    """tlog-policy: one of its logs signed, and the quorum cosigned."""
    logs, keys = [], {}
    holds = {"none": True}
    quorum = False
    for line in policy.splitlines():
        match line.split():
            case ["log", key, *_]:
                logs.append(key)
            case ["witness", name, key, *_]:
                keys[name] = key
                holds[name] = bool(good_signatures(note, [key]))
            case ["group", name, least, *members]:
                need = {"all": len(members), "any": 1}.get(least) or int(least)
                holds[name] = sum(holds[member] for member in members) >= need
            case ["quorum", name]:
                quorum = holds[name]
    return bool(good_signatures(note, logs)) and quorum


def numbered(n: int) -> str:
    digits = f"{n:03}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def read_log(folder: Path) -> list[bytes]:
    """All entries of a log in tlog-tiles, each held against its hash and the hashes against the
    checkpoint's root."""
    _, size, root = checkpoint((folder / "checkpoint").read_text("utf-8"))
    entries: list[bytes] = []
    for n in range(-(-size // 256)):
        width = min(256, size - 256 * n)
        name = numbered(n) + (f".p/{width}" if width < 256 else "")
        tile = (folder / "tile/0" / name).read_bytes()
        data = (folder / "tile/entries" / name).read_bytes()
        assert len(tile) == 32 * width
        for i in range(width):
            length = int.from_bytes(data[:2], "big")
            entry, data = data[2 : 2 + length], data[2 + length :]
            assert h(b"\x00", entry) == tile[32 * i : 32 * i + 32]
            entries.append(entry)
        assert not data
    level, below = 1, [h(b"\x00", entry) for entry in entries]
    while len(below) >= 256:
        above = [mth(below[i : i + 256]) for i in range(0, len(below) // 256 * 256, 256)]
        for n in range(-(-len(above) // 256)):
            part = above[256 * n : 256 * n + 256]
            name = numbered(n) + (f".p/{len(part)}" if len(part) < 256 else "")
            assert (folder / f"tile/{level}" / name).read_bytes() == b"".join(part)
        level, below = level + 1, above
    assert mth([h(b"\x00", entry) for entry in entries]) == root
    return entries


class OutsideWitness:
    """tlog-witness: one key, known logs by origin, the latest checkpoint of each."""

    def __init__(self, name: str, logs: dict[str, list[str]]) -> None:
        self.name, self.logs = name, logs
        self.key = Ed25519PrivateKey.generate()
        material = b"\x04" + self.key.public_key().public_bytes_raw()
        self.id = h(name.encode(), b"\n", material)[:4]
        self.vkey = f"{name}+{self.id.hex()}+{base64.b64encode(material).decode()}"
        self.latest: dict[str, tuple[int, bytes]] = {}
        self.statuses: list[int] = []
        self.clock: Callable[[], float] = time.time
        self.url = ""
        self._lock = threading.Lock()

    def add_checkpoint(self, body: bytes) -> tuple[int, str, bytes]:
        try:
            head, _, note = body.decode().partition("\n\n")
            old_line, *hashes = head.split("\n")
            word, number = old_line.split(" ")
            assert word == "old"
            assert str(int(number)) == number
            old = int(number)
            path = [base64.b64decode(line, validate=True) for line in hashes]
            origin, size, root = checkpoint(note)
        except (ValueError, AssertionError):
            return 400, "text/plain", b""
        if origin not in self.logs:
            return 404, "text/plain", b""
        try:
            if not good_signatures(note, self.logs[origin]):
                return 403, "text/plain", b""
        except AssertionError:
            return 403, "text/plain", b""
        if old > size:
            return 400, "text/plain", b""
        with self._lock:
            known, known_root = self.latest.get(origin, (0, b""))
            if old != known:
                return 409, "text/x.tlog.size", f"{known}\n".encode()
            if old == size and old and root != known_root:
                return 409, "text/plain", b""
            if not is_consistent(old, size, path, known_root, root):
                return 422, "text/plain", b""
            self.latest[origin] = size, root
        at = int(self.clock())
        text = note.rpartition("\n\n")[0] + "\n"
        signed = self.key.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
        line = base64.b64encode(self.id + at.to_bytes(8, "big") + signed).decode()
        return 200, "text/plain", f"— {self.name} {line}\n".encode()

    @contextmanager
    def serving(self) -> Iterator[str]:
        """On loopback, until the block ends; gives the submission prefix."""
        witness = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status, kind, answer = 404, "text/plain", b""
                if self.path == "/add-checkpoint":
                    length = int(self.headers["Content-Length"])
                    status, kind, answer = witness.add_checkpoint(self.rfile.read(length))
                witness.statuses.append(status)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self.url
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)
