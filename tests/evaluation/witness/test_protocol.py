"""witness.v1: frames, and that a follower sees every entry once and in order, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from archive import merkle
from archive.errors import Refusal
from archive.journal.entry import NO_ENTRY, Entry, Pending, seal_in
from archive.note import Checkpoint, Signer
from archive.words import Language, render
from evaluation.witness.follower import Follower
from evaluation.witness.follower import State as Seen
from evaluation.witness.protocol import (
    PAGE_ENTRIES_MAX,
    EventFrame,
    Frame,
    Hello,
    Kept,
    Mark,
    Mode,
    RefusalFrame,
    Viewer,
    Welcome,
    encode_frame,
    event_text,
    parse_frame,
)
from tests.builders import START
from tests.evaluation.course import assert_said


def stream(count: int, session: str = "s1") -> list[Entry]:
    log: list[Entry] = []
    for seq in range(count):
        prev = log[-1].hash if log else NO_ENTRY
        pending = Pending(f"session/{session}", "evaluation:witness:heartbeat", "x", {"n": seq})
        log.append(seal_in(pending, seq, prev, START))
    return log


LOG = stream(1200)
SIGNER = Signer("log.test", Ed25519PrivateKey.from_private_bytes(b"k" * 32))


def no(text: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        parse_frame(text)
    assert_said(caught.value)
    return caught.value


class TestFrames:
    @pytest.mark.parametrize(
        "frame",
        [
            Hello("s1", 12, "epoch"),
            Welcome("epoch", 3),
            EventFrame(2, LOG[2].body.decode()),
            Mark(3, "note\n"),
            Kept(40),
            RefusalFrame("evaluation.witness.ahead"),
        ],
    )
    def test_a_frame_comes_back_from_its_text(self, frame: Frame) -> None:
        assert parse_frame(encode_frame(frame)) == frame

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "hello",
            "[]",
            "{}",
            '{"frame":"goodbye"}',
            '{"frame":["hello"]}',
            '{"epoch":"","frame":"hello","next":0,"session":"s1"}',
            '{"epoch":"","extra":1,"frame":"welcome","head":0}',
            '{"epoch":"","frame":"welcome","head":-1}',
            '{"epoch":"","frame":"welcome","head":true}',
            '{"epoch":1,"frame":"welcome","head":0}',
            '{"frame":"welcome","epoch":"","head":0}',
            '{"epoch":"", "frame":"welcome","head":0}',
            '{"code":"DROP TABLE","frame":"refusal"}',
            "[" * 100_000,
            '{"epoch":"' + "x" * 300_000 + '","frame":"welcome","head":0}',
        ],
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        assert no(text).code == "evaluation.witness.frame"

    def test_another_version_is_refused_by_name(self) -> None:
        text = encode_frame(Hello("s1", protocol="witness.v2"))
        assert no(text).code == "evaluation.witness.protocol"

    @settings(max_examples=50)
    @given(st.text(max_size=200))
    def test_no_text_makes_it_stumble(self, text: str) -> None:
        with pytest.raises(Refusal):
            parse_frame(text)


def connected(head: int, next_wanted: int = 0) -> Viewer:
    viewer = Viewer("s1", "epoch", head)
    viewer.hello(Hello("s1", next_wanted, "epoch" if next_wanted else ""))
    return viewer


def page(viewer: Viewer) -> list[int]:
    return list(viewer.page(*viewer.wanted))


def texts(numbers: Iterable[int]) -> list[str]:
    return [event_text(n, LOG[n].body) for n in numbers]


def marked(size: int) -> str:
    """A checkpoint over the first entries, as the server signs it."""
    origin = "log.test/session/s1"
    root = merkle.root_of([entry.leaf for entry in LOG[:size]])
    note = SIGNER.named(origin).sign(Checkpoint(origin, size, root).text())
    return encode_frame(Mark(size, note))


class TestTheViewer:
    def test_catches_up_page_by_page_and_then_is_live(self) -> None:
        viewer = connected(1100)
        got = [page(viewer), page(viewer)]
        assert viewer.wanted == (1000, 1100)
        got.append(page(viewer))
        assert [len(out) for out in got] == [PAGE_ENTRIES_MAX, PAGE_ENTRIES_MAX, 100]
        assert viewer.mode is Mode.LIVE
        assert viewer.live(1100, 1103)
        assert viewer.next == 1103

    def test_a_gap_sends_it_back_to_the_log(self) -> None:
        viewer = connected(0)
        assert not viewer.live(1, 2)
        assert viewer.mode is Mode.CATCHING_UP
        assert page(viewer) == [0, 1]

    def test_a_double_is_swallowed(self) -> None:
        viewer = connected(0)
        assert viewer.live(0, 1)
        assert not viewer.live(0, 1)
        assert (viewer.mode, viewer.next) == (Mode.LIVE, 1)

    def test_a_page_with_a_hole_before_it_goes_nowhere(self) -> None:
        viewer = connected(5)
        assert list(viewer.page(0, 2)) == [0, 1]
        assert list(viewer.page(3, 5)) == []
        assert viewer.mode is Mode.CATCHING_UP
        assert list(viewer.page(1, 5)) == [2, 3, 4]

    def test_a_mark_covers_what_was_sent_and_no_more(self) -> None:
        viewer = connected(3)
        assert not viewer.marks(3)
        page(viewer)
        assert viewer.marks(3)
        assert not viewer.marks(2)

    def test_a_stalled_viewer_gets_nothing_live_until_it_reads_again(self) -> None:
        viewer = connected(0)
        viewer.stalled()
        assert not viewer.live(0, 1)
        assert page(viewer) == [0]
        assert viewer.mode is Mode.LIVE
        viewer.stalled()
        assert viewer.wanted == (1, 1)
        viewer.relieved()
        assert viewer.mode is Mode.LIVE

    @pytest.mark.parametrize(
        ("hello", "code", "pointer"),
        [
            (Hello("s2"), "other_session", "/session"),
            (Hello("s1", 0, "another log"), "other_epoch", "/epoch"),
            (Hello("s1", 2, ""), "other_epoch", "/epoch"),
            (Hello("s1", 6, "epoch"), "ahead", "/next"),
            (Welcome("epoch", 1), "hello_first", "/frame"),
        ],
    )
    def test_a_wrong_hello_ends_it(self, hello: Frame, code: str, pointer: str) -> None:
        viewer = Viewer("s1", "epoch", 5)
        answer = parse_frame(viewer.hello(hello))
        assert isinstance(answer, RefusalFrame)
        assert (answer.code, answer.pointer) == (f"evaluation.witness.{code}", pointer)
        assert_said(Refusal(answer.code))
        assert (answer.zh, answer.en) == tuple(
            render(Refusal(answer.code), language) for language in (Language.ZH, Language.EN)
        )
        assert viewer.mode is Mode.REFUSED
        assert not viewer.live(5, 6)
        assert list(viewer.page(0, 5)) == []
        assert not viewer.marks(0)
        viewer.relieved()
        assert viewer.mode is Mode.REFUSED

    def test_hello_is_said_once(self) -> None:
        viewer = connected(0)
        assert "hello_first" in viewer.hello(Hello("s1"))


class TestTheFollower:
    """Negative controls: the other end notices what the server must never do."""

    def follower(self, entries: int) -> Follower:
        follower = Follower("s1")
        follower.take(encode_frame(Welcome("epoch", entries)))
        for entry in LOG[:entries]:
            follower.take(encode_frame(EventFrame(entry.seq, entry.body.decode())))
        return follower

    def test_a_lost_one_and_a_double_are_noticed(self) -> None:
        for seq in (1, 3):
            frame = encode_frame(EventFrame(seq, LOG[seq].body.decode()))
            with pytest.raises(Refusal) as caught:
                self.follower(2).take(frame)
            assert caught.value.code == "evaluation.witness.gap"
            assert_said(caught.value)

    def test_a_changed_entry_is_noticed(self) -> None:
        other = stream(3, "s2")[2].body.decode()
        forged = LOG[2].body.decode().replace('"n":2', '"n":9')
        moved = LOG[3].body.decode().replace('"seq":3', '"seq":2')
        for body in (other, moved, "{}"):
            with pytest.raises(Refusal) as caught:
                self.follower(2).take(encode_frame(EventFrame(2, body)))
            assert_said(caught.value)
        follower = self.follower(2)
        follower.take(encode_frame(EventFrame(2, forged)))
        with pytest.raises(Refusal) as caught:  # noticed by the next one, and by the checkpoint
            follower.take(encode_frame(EventFrame(3, LOG[3].body.decode())))
        assert caught.value.code == "evaluation.witness.chain"

    def test_a_mark_beyond_what_came_and_another_log_are_noticed(self) -> None:
        for frame in (Mark(3, "note"), Welcome("another log", 9), Hello("s1")):
            with pytest.raises(Refusal):
                self.follower(2).take(encode_frame(frame))
        with pytest.raises(Refusal) as caught:
            self.follower(2).take(encode_frame(RefusalFrame("evaluation.witness.ahead")))
        assert caught.value.code == "evaluation.witness.ahead"

    def test_a_log_that_became_shorter_is_noticed(self) -> None:
        with pytest.raises(Refusal) as caught:
            self.follower(2).take(encode_frame(Welcome("epoch", 1)))
        assert caught.value.code == "evaluation.witness.gap"

    def test_a_checkpoint_over_another_tree_or_by_another_key_is_noticed(self) -> None:
        follower = self.follower(3)
        follower.take(marked(3))
        assert (follower.state.size, follower.state.root) == (
            3,
            merkle.root_of([entry.leaf for entry in LOG[:3]]).hex(),
        )
        changed = self.follower(2)
        forged = LOG[2].body.decode().replace('"n":2', '"n":9')
        changed.take(encode_frame(EventFrame(2, forged)))
        with pytest.raises(Refusal) as caught:
            changed.take(marked(3))
        assert caught.value.code == "evaluation.witness.other_root"
        assert_said(caught.value)
        stranger = self.follower(3)
        stranger.log = Signer("log.test", Ed25519PrivateKey.from_private_bytes(b"f" * 32)).verifier
        with pytest.raises(Refusal) as caught:
            stranger.take(marked(3))
        assert caught.value.code == "evaluation.witness.other_log"
        assert_said(caught.value)
        known = self.follower(3)
        known.log = SIGNER.verifier
        known.take(marked(3))

    def test_goes_on_from_its_file(self) -> None:
        follower = self.follower(7)
        kept = json.loads(json.dumps(follower.state.to_json()))
        again = Follower.resuming(Seen.of_json(kept))
        again.take(encode_frame(Welcome("epoch", 9)))
        for text in [*texts([7, 8]), marked(9)]:
            again.take(text)
        assert again.state.size == 9
        wrong: list[object] = [None, [], {**kept, "next": 8}, {**kept, "hashes": "x"}]
        for spoilt in wrong:
            with pytest.raises(ValueError):
                Seen.of_json(spoilt)


MOVE = st.sampled_from(
    ["grow", "grow", "live", "page", "page", "drop", "stall", "relieve", "late", "mark"]
)


@settings(max_examples=150)
@given(st.lists(MOVE, max_size=120))
def test_nothing_is_lost_doubled_or_out_of_order(moves: list[str]) -> None:
    """Growth, live delivery, stalls, late and repeated deliveries, and dropped connections in any
    order: the follower, which would refuse otherwise, has seen a prefix of the log, and all of it
    once it is let catch up."""
    follower = Follower("s1")
    head = 0

    def connect() -> Viewer:
        viewer = Viewer("s1", "epoch", head)
        follower.take(viewer.hello(parse_frame(follower.hello())))
        return viewer

    viewer = connect()
    for move in moves:
        sent: list[str] = []
        if move == "grow":
            head += 1
            viewer.live(head, head)
        elif move == "live":
            head += 1
            sent = texts([head - 1]) if viewer.live(head - 1, head) else []
        elif move == "late" and head:
            sent = texts([head // 2]) if viewer.live(head // 2, head // 2 + 1) else []
        elif move == "page" and viewer.mode is Mode.CATCHING_UP:
            sent = texts(page(viewer))
        elif move == "stall":
            viewer.stalled()
        elif move == "relieve":
            viewer.relieved()
        elif move == "mark" and viewer.marks(head) and head:
            sent = [marked(head)]
        elif move == "drop":
            viewer = connect()
        for text in sent:
            follower.take(text)
        assert follower.next == viewer.next
    viewer = connect()
    while viewer.mode is Mode.CATCHING_UP:
        for text in texts(page(viewer)):
            follower.take(text)
    assert follower.next == head
    assert viewer.mode is Mode.LIVE
