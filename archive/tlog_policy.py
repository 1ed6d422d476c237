"""Which cosignatures make a checkpoint good: C2SP tlog-policy, read, written and applied.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>…
    quorum <name>|none

A checkpoint is good where one of the listed logs signed it and the quorum's witnesses cosigned it. A
log's vkey bears the log's origin as its name. Logs are Ed25519 (0x01), witnesses 0x04; a policy that
names keys of other algorithms is refused, for it could not be applied as it was meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from archive.cosignature import Cosigner, cosigned_by
from archive.note import MalformedNote, Note, Verifier

POLICY_BYTES_MAX = 256 * 1024
LINES_MAX = 10_000
NONE = "none"
_ALLOWED = re.compile(rb"[\x09\x0a\x20-\x7e\x80-\xff]*")
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


class MalformedPolicy(ValueError):
    """The file is not a policy; the message names the line, from 1."""


@dataclass(frozen=True)
class Group:
    """Witnesses a checkpoint when at least `least` of its members do."""

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """How a checkpoint stands under a policy. `log`: the key that signed; `witnesses`: policy names
    of those who cosigned, with their POSIX times."""

    log: Verifier | None
    witnesses: Mapping[str, int]
    has_quorum: bool

    @property
    def is_good(self) -> bool:
        return self.log is not None and self.has_quorum


@dataclass(frozen=True)
class Policy:
    logs: tuple[Verifier, ...]
    witnesses: Mapping[str, Cosigner]
    groups: Mapping[str, Group]
    quorum: str

    @classmethod
    def k_of(cls, logs: tuple[Verifier, ...], witnesses: tuple[Cosigner, ...], k: int) -> Policy:
        """Any `k` of these witnesses, each named by his key's name; none where k is 0."""
        named = {witness.name: witness for witness in witnesses}
        if k == 0:
            return cls(logs, named, {}, NONE)
        return cls(logs, named, {"quorum": Group(k, tuple(named))}, "quorum")

    def text(self) -> str:
        """The file."""
        lines = [f"log {log.vkey}" for log in self.logs]
        lines += [f"witness {name} {one.vkey}" for name, one in self.witnesses.items()]
        lines += [
            f"group {name} {group.least} {' '.join(group.members)}"
            for name, group in self.groups.items()
        ]
        return "\n".join([*lines, f"quorum {self.quorum}", ""])

    def judge(self, note: Note) -> Judgement:
        """MalformedNote where a line claims a known key and its signature is wrong."""
        origin = note.text.partition("\n")[0]
        logs = [log for log in self.logs if log.name == origin]
        signed = note.verified_by(logs)
        times = cosigned_by(note, self.witnesses.values())
        names = {name: times[key] for name, key in self.witnesses.items() if key in times}
        return Judgement(signed[0] if signed else None, names, self._has(self.quorum, set(names)))

    def _has(self, name: str, cosigned: set[str]) -> bool:
        if name == NONE:
            return True
        group = self.groups.get(name)
        if group is None:
            return name in cosigned
        # Groups name only what stands above them, so this ends.
        return sum(self._has(member, cosigned) for member in group.members) >= group.least


class _Reader:
    def __init__(self) -> None:
        self.logs: list[Verifier] = []
        self.witnesses: dict[str, Cosigner] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._members: set[str] = set()

    def log(self, vkey: str, *url: str) -> None:
        if len(url) > 1:
            raise ValueError("log <vkey> [<url>]")
        log = Verifier.parse(vkey)
        if any(log.public_key == other.public_key for other in self.logs):
            raise ValueError("a log twice")
        self.logs.append(log)

    def witness(self, name: str, vkey: str, *url: str) -> None:
        if len(url) > 1:
            raise ValueError("witness <name> <vkey> [<url>]")
        self._new(name)
        witness = Cosigner.parse(vkey)
        if any(witness.public_key == other.public_key for other in self.witnesses.values()):
            raise ValueError("a witness twice")
        self.witnesses[name] = witness

    def group(self, name: str, least: str, *members: str) -> None:
        self._new(name)
        if not members:
            raise ValueError("a group has members")
        for member in members:
            if not self._is_known(member):
                raise ValueError(f"{member!r} is not defined above")
            if member in self._members:
                raise ValueError(f"{member!r} is already a member of a group")
            self._members.add(member)
        words = {"any": 1, "all": len(members)}
        if least not in words and not _NUMBER.fullmatch(least):
            raise ValueError("all, any or a number")
        k = words.get(least) or int(least)
        if k > len(members):
            raise ValueError(f"{k} of {len(members)}")
        self.groups[name] = Group(k, members)

    def set_quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise ValueError("a second quorum")
        if name != NONE and not self._is_known(name):
            raise ValueError(f"{name!r} is not defined above")
        self.quorum = name

    def _is_known(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups

    def _new(self, name: str) -> None:
        if name == NONE or self._is_known(name):
            raise ValueError(f"{name!r} is taken")


def parse_policy(data: bytes) -> Policy:
    """The policy of a file; MalformedPolicy with the line otherwise."""
    if len(data) > POLICY_BYTES_MAX:
        raise MalformedPolicy("too long")
    if not _ALLOWED.fullmatch(data):
        raise MalformedPolicy("a control character")
    if data and not data.endswith(b"\n"):
        raise MalformedPolicy("the last line has no end")
    reader = _Reader()
    keywords: dict[str, Callable[..., None]] = {
        "log": reader.log,
        "witness": reader.witness,
        "group": reader.group,
        "quorum": reader.set_quorum,
    }
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    if len(lines) > LINES_MAX:
        raise MalformedPolicy("too many lines")
    for number, line in enumerate(lines, start=1):
        # Spaces and tabs separate, and nothing else: names are octets, whatever they look like.
        items = [item for item in re.split(r"[ \t]+", line) if item]
        if not items or items[0].startswith("#"):
            continue
        try:
            keywords[items[0]](*items[1:])
        except KeyError:
            raise MalformedPolicy(f"line {number}: no such keyword") from None
        except TypeError:
            raise MalformedPolicy(f"line {number}: items missing or too many") from None
        except MalformedNote as error:
            raise MalformedPolicy(f"line {number}: {error}") from error
        except ValueError as error:
            raise MalformedPolicy(f"line {number}: {error}") from error
    if reader.quorum is None:
        raise MalformedPolicy("no quorum")
    return Policy(tuple(reader.logs), reader.witnesses, reader.groups, reader.quorum)
