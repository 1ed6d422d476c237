"""BagIt (RFC 8493): manifests, and a strict check of any bag.

`manifest_text` and `manifest_lines` write and read the one spelling of a manifest that our own bags
have (SHA-256, lower case, two spaces, LF, sorted by code points). `bagit_faults` judges bags of all
versions from 0.93 to 1.0 by anybody. It is stricter than the usual validators: in bags of version
1.0 white space in `bagit.txt` and names listed twice are faults, in all versions paths that leave
the bag, links and files that are neither file nor folder are.

Not done here: nothing is fetched (a bag with files still to fetch is incomplete), and algorithms
other than MD5, SHA-1 and SHA-2 are unknown.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from archive.errors import Reason

BAGIT_TXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
"""`bagit.txt` of our own bags."""

_DECLARATION = re.compile(
    rb"BagIt-Version: ([0-9]+)\.([0-9]+)(?:\r\n|\n|\r)"
    rb"Tag-File-Character-Encoding: ([A-Za-z0-9._-]+)(?:\r\n|\n|\r)?"
)
_ENCODINGS = {"UTF-8": "utf-8", "UTF-16": "utf-16", "ISO-8859-1": "latin-1", "US-ASCII": "ascii"}
_ALGORITHMS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
_MANIFEST = re.compile(r"(tag)?manifest-([A-Za-z0-9-]+)\.txt")
_LINE = re.compile(r"([0-9a-fA-F]+)[ \t]+\*?([^ \t*].*)")
_OUR_LINE = re.compile(r"([0-9a-f]{64})  ([^ ].*)")
_OXUM = re.compile(r"([0-9]+)\.([0-9]+)")


@dataclass(frozen=True)
class BagFault:
    """What is wrong with which file of a bag (path from the bag's folder)."""

    file: str
    reason: Reason


# --- Our own manifests --------------------------------------------------------------------


def manifest_text(digests: Mapping[str, str]) -> bytes:
    """The manifest of files with these SHA-256 digests (path → hex)."""
    return "".join(f"{digests[path]}  {_encoded(path)}\n" for path in sorted(digests)).encode()


def manifest_lines(data: bytes) -> dict[str, str]:
    """Path → digest; ValueError where `data` is not exactly what `manifest_text` writes."""
    found: dict[str, str] = {}
    for line in data.decode("utf-8").split("\n")[:-1]:
        match = _OUR_LINE.fullmatch(line)
        if match is None or path_fault(path := _decoded(match[2], (1, 0))):
            raise ValueError(f"not a manifest line: {line[:80]!r}")
        found[path] = match[1]
    if manifest_text(found) != data:
        raise ValueError("not the one spelling of this manifest")
    return found


def path_fault(path: str) -> str:
    """Why `path` may not stand in a manifest; empty where it may."""
    if path.startswith(("/", "~")) or re.match(r"[A-Za-z]:", path):
        return "absolute"
    if "\\" in path:
        return "backslash"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "leaves the bag or is not in its shortest form"
    return ""


def tree(folder: Path, without: str = "") -> list[tuple[str, Path]]:
    """Everything below `folder`, links not followed: (path with slashes, path), sorted. Of a folder `without` nothing
    but that it is there."""
    found: list[tuple[str, Path]] = []
    left = [("", folder)]
    while left:
        prefix, current = left.pop()
        for path in current.iterdir():
            found.append((prefix + path.name, path))
            if path.is_dir() and not path.is_symlink() and prefix + path.name != without:
                left.append((f"{prefix}{path.name}/", path))
    return sorted(found)


def _encoded(path: str) -> str:
    return path.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")


def _decoded(text: str, version: tuple[int, int]) -> str:
    for code, character in (("%0[Aa]", "\n"), ("%0[Dd]", "\r")):
        text = re.sub(code, character, text)
    return text.replace("%25", "%") if version >= (1, 0) else text


# --- Any bag ------------------------------------------------------------------------------


def bagit_faults(folder: Path) -> list[BagFault]:
    """Everything wrong with the bag in `folder`; an empty list for a valid and complete one."""
    return _Bag(folder).judge()


@dataclass
class _Bag:
    folder: Path
    found: list[BagFault] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    version: tuple[int, int] = (1, 0)
    encoding: str = "utf-8"

    def add(self, file: str, code: str, **params: str | int) -> None:
        self.found.append(BagFault(file, Reason(code, params)))

    def judge(self) -> list[BagFault]:
        for name, path in tree(self.folder):
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                self.add(name, "archive.bagit.not_a_file")
            elif path.is_file():
                self.files[name] = path
        if not self._declaration():
            return self.found
        if not (self.folder / "data").is_dir():
            self.add("data", "archive.bagit.missing")
        self._manifests()
        self._fetch()
        self._info()
        return self.found

    def _declaration(self) -> bool:
        if "bagit.txt" not in self.files:
            self.add("bagit.txt", "archive.bagit.missing")
            return False
        match = _DECLARATION.fullmatch(self.files["bagit.txt"].read_bytes())
        if match is None:
            self.add("bagit.txt", "archive.bagit.declaration")
            return False
        self.version = (int(match[1]), int(match[2]))
        name = match[3].decode().upper()
        if name not in _ENCODINGS or self.version > (1, 0):
            self.add("bagit.txt", "archive.bagit.declaration")
            return False
        self.encoding = _ENCODINGS[name]
        return True

    def _lines(self, file: str) -> list[str]:
        try:
            text = self.files[file].read_bytes().decode(self.encoding)
        except UnicodeDecodeError:
            self.add(file, "archive.bagit.encoding")
            return []
        return [line for line in re.split(r"\r\n|\n|\r", text) if line]

    def _manifests(self) -> None:
        payload = {name for name in self.files if name.startswith("data/")}
        manifests = [m for name in sorted(self.files) if (m := _MANIFEST.fullmatch(name))]
        for match in manifests:
            listed = self._manifest(match[0], match[2].lower(), of_tags=bool(match[1]))
            if not match[1]:
                self.listed |= listed
                if self.version >= (1, 0):
                    for name in sorted(payload - listed):
                        self.add(name, "archive.bagit.unlisted", manifest=match[0])
        if all(match[1] for match in manifests):
            self.add("manifest-*.txt", "archive.bagit.missing")
        if self.version < (1, 0):
            for name in sorted(payload - self.listed):
                self.add(name, "archive.bagit.unlisted", manifest="manifest-*.txt")

    def _manifest(self, file: str, algorithm: str, *, of_tags: bool) -> set[str]:
        listed: dict[str, str] = {}
        if algorithm not in _ALGORITHMS:
            self.add(file, "archive.bagit.algorithm", algorithm=algorithm)
            return set()
        for number, line in enumerate(self._lines(file), start=1):
            match = _LINE.fullmatch(line)
            if match is None or len(match[1]) != _ALGORITHMS[algorithm]:
                self.add(file, "archive.bagit.line", line=number)
                continue
            path = _decoded(match[2], self.version).removeprefix("./")
            digest = match[1].lower()
            if (fault := path_fault(path)) or path.startswith("data/") == of_tags:
                self.add(file, "archive.bagit.path", line=number, path=path, fault=fault)
            elif path in listed and (self.version >= (1, 0) or listed[path] != digest):
                self.add(file, "archive.bagit.twice", line=number, path=path)
            else:
                listed[path] = digest
                self._check(path, algorithm, digest)
        return set(listed)

    def _check(self, path: str, algorithm: str, digest: str) -> None:
        if path not in self.files:
            self.add(path, "archive.bagit.missing")
            return
        with self.files[path].open("rb") as file:
            # The bag names its algorithm; MD5 here detects damage, it proves nothing.
            actual = hashlib.file_digest(file, algorithm).hexdigest()
        if actual != digest:
            self.add(path, "archive.bagit.digest", algorithm=algorithm)

    def _fetch(self) -> None:
        if "fetch.txt" not in self.files:
            return
        for number, line in enumerate(self._lines("fetch.txt"), start=1):
            parts = line.split(maxsplit=2)
            if len(parts) != 3 or not re.fullmatch(r"[0-9]+|-", parts[1]):
                self.add("fetch.txt", "archive.bagit.line", line=number)
                continue
            path = _decoded(parts[2], self.version).removeprefix("./")
            if (fault := path_fault(path)) or path not in self.listed:
                self.add("fetch.txt", "archive.bagit.path", line=number, path=path, fault=fault)

    def _info(self) -> None:
        """`bag-info.txt`: form of the lines, and `Payload-Oxum` where it is given."""
        if "bag-info.txt" not in self.files:
            return
        form = r"[^:\s][^:]*: ?.*" if self.version >= (1, 0) else r"[^:\s][^:]*:.*"
        for number, line in enumerate(self._lines("bag-info.txt"), start=1):
            if line[0] in " \t" and number > 1:
                continue
            if not re.fullmatch(form, line):
                self.add("bag-info.txt", "archive.bagit.line", line=number)
                continue
            label, _, value = line.partition(":")
            if label.strip().lower() == "payload-oxum":
                self._oxum(value.strip())

    def _oxum(self, value: str) -> None:
        payload = [path for name, path in self.files.items() if name.startswith("data/")]
        actual = (sum(path.stat().st_size for path in payload), len(payload))
        match = _OXUM.fullmatch(value)
        if match is None or (int(match[1]), int(match[2])) != actual:
            self.add("bag-info.txt", "archive.bagit.oxum", stated=value)
