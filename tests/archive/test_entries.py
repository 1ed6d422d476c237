"""Entries: form, one spelling, and how a stream hangs together. Pure, without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import canonical
from archive.errors import Reason
from archive.journal.entry import (
    NO_ENTRY,
    DocumentRef,
    Pending,
    break_of,
    chained_leaves,
    first_break,
    moment_of,
    moment_text,
    parse,
    seal_in,
)
from tests.builders import START

LOT = "lot/1"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class TestEntries:
    def bodies(self, count: int = 4) -> list[bytes]:
        prev, out = NO_ENTRY, []
        for seq in range(count):
            pending = Pending(LOT, "trading:lot:opened", "a", {"n": seq})
            entry = seal_in(pending, seq, prev, START + timedelta(seconds=seq))
            prev = entry.hash
            out.append(entry.body)
        return out

    def test_a_sound_stream(self) -> None:
        assert break_of(LOT, self.bodies()) is None
        assert first_break(LOT, []) is None

    @given(JSON, st.integers(0, 3), st.integers(0, 2**16), st.integers(1, 255))
    def test_the_quick_look_sees_what_the_slow_one_sees_of_the_chain(
        self, data: Any, at: int, place: int, change: int
    ) -> None:
        prev, bodies = NO_ENTRY, []
        for seq in range(4):
            entry = seal_in(Pending(LOT, "a:b:c", "x", {"d": data}), seq, prev, START)
            prev = entry.hash
            bodies.append(entry.body)
        assert chained_leaves(LOT, bodies) == [parse(body).leaf for body in bodies]
        changed = bytearray(bodies[at])
        changed[place % len(changed)] ^= change
        bodies[at] = bytes(changed)
        if at < 3:  # nothing continues the last one
            with pytest.raises(ValueError, match=r"lot/1\["):
                chained_leaves(LOT, bodies)
        for other in (bodies[1:], [bodies[0], *bodies], bodies[::-1]):
            with pytest.raises(ValueError):
                chained_leaves(LOT, other)

    def test_what_breaks(self) -> None:
        bodies = self.bodies()
        with pytest.raises(ValueError):
            chained_leaves("lot/2", bodies)
        assert break_of("lot/2", bodies) == (
            0,
            Reason("archive.journal.other_stream", {"index": 0, "stream": LOT}),
        )
        cut = break_of(LOT, bodies[1:])
        assert cut is not None
        assert cut[1].code == "archive.journal.numbering"
        mixed = break_of(LOT, [*self.bodies(1), parse_changed(bodies[1], prev="0" * 64)])
        assert mixed is not None
        assert mixed[1].code == "archive.journal.chain"
        older = break_of(LOT, [bodies[0], parse_changed(bodies[1], at="2026-10-21T00:59:59.999Z")])
        assert older == (1, Reason("archive.journal.time", {"index": 1}))
        assert first_break(LOT, [b"{}"]) == (
            0,
            "Line 0 (from 0) is not a canonical entry of version 1.",
        )

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("v", 2),
            ("v", True),
            ("seq", True),
            ("seq", "0"),
            ("stream", 1),
            ("data", []),
            ("documents", {}),
            ("documents", [{}]),
            ("documents", ["x"]),
            ("at", "2026-10-21"),
            ("at", "2026-10-21T01:00:00.000+00:00"),
            ("at", "2026-10-21T09:00:00.000"),
            ("at", 1),
            ("documents", [{"bytes": "1", "name": "a", "sha256": "b", "type": "c"}]),
            ("documents", [{"bytes": True, "name": "a", "sha256": "b", "type": "c"}]),
            ("documents", [{"bytes": 1, "name": "a", "sha256": "b", "type": "c", "x": 1}]),
            ("more", 1),
        ],
    )
    def test_no_entry(self, name: str, value: Any) -> None:
        with pytest.raises(ValueError):
            parse(parse_changed(self.bodies(1)[0], **{name: value}))

    def test_one_spelling(self) -> None:
        body = self.bodies(1)[0]
        for other in (body + b"\n", b" " + body, body[:-1], body.replace(b":1", b":1.0")):
            with pytest.raises(ValueError):
                parse(other)

    def test_too_large(self) -> None:
        with pytest.raises(ValueError, match="put documents into the vault"):
            seal_in(Pending(LOT, "a:b:c", "a", {"x": "x" * 70_000}), 0, NO_ENTRY, START)

    @given(
        st.dictionaries(st.text(), JSON, max_size=4),
        st.text(),
        st.datetimes(timezones=st.just(UTC)),
        st.lists(st.builds(DocumentRef, st.text(), st.text(), st.integers(0, 9), st.text())),
    )
    def test_what_is_sealed_is_what_its_bytes_say(
        self, data: dict[str, Any], actor: str, at: datetime, documents: list[DocumentRef]
    ) -> None:
        pending = Pending(LOT, "trading:lot:opened", actor, data, tuple(documents))
        entry = seal_in(pending, 7, NO_ENTRY, at)
        assert parse(entry.body) == entry

    @pytest.mark.parametrize(
        "document",
        [
            DocumentRef("a", "b", True, "c"),
            DocumentRef("a", "b", "1", "c"),  # type: ignore[arg-type]
            DocumentRef(1, "b", 1, "c"),  # type: ignore[arg-type]
        ],
    )
    def test_nothing_is_sealed_that_could_not_be_read(self, document: DocumentRef) -> None:
        with pytest.raises(ValueError):
            seal_in(Pending(LOT, "a:b:c", "a", {}, (document,)), 0, NO_ENTRY, START)

    @pytest.mark.parametrize(("actor", "data"), [(1, {}), (None, {}), ("a", []), ("a", "x")])
    def test_not_pending(self, actor: Any, data: Any) -> None:
        with pytest.raises(TypeError):
            Pending(LOT, "a:b:c", actor, data)

    @pytest.mark.parametrize("stream", ["", "Lot/1", "lot/", "lot//1", "lot/é", "lot 1", "lot/1\n"])
    def test_no_stream(self, stream: str) -> None:
        with pytest.raises(ValueError, match="not a stream"):
            Pending(stream, "a:b:c", "a", {})

    @pytest.mark.parametrize("action", ["", "a:b", "A:b:c", "a:b:c:d", "a:b:c "])
    def test_no_action(self, action: str) -> None:
        with pytest.raises(ValueError, match="not an action"):
            Pending(LOT, action, "a", {})

    @given(st.datetimes(timezones=st.timezones()))
    def test_moments(self, moment: Any) -> None:
        try:
            text = moment_text(moment)
        except OverflowError:  # at the ends of the calendar there is no UTC
            return
        assert moment_text(moment_of(text)) == text
        assert len(text) == 24


def parse_changed(body: bytes, **changes: Any) -> bytes:
    return canonical.encode({**canonical.decode(body), **changes})
