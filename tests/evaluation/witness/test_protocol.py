"""witness.v1: frames, and that a follower sees every entry once and in order, whatever happens."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import Refusal
from archive.journal.entry import NO_ENTRY, Entry, Pending, seal_in
from archive.words import Language, render
from evaluation.witness.protocol import (
    PAGE_ENTRIES_MAX,
    EventFrame,
    Follower,
    Frame,
    Hello,
    Mark,
    Mode,
    RefusalFrame,
    Viewer,
    Welcome,
    encode_frame,
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


def page(viewer: Viewer) -> list[str]:
    assert viewer.wanted is not None
    start, stop = viewer.wanted
    return viewer.page([(e.seq, e.body) for e in LOG[start:stop]])


def seqs(texts: list[str]) -> list[int]:
    return [json.loads(text)["seq"] for text in texts]


class TestTheViewer:
    def test_catches_up_page_by_page_and_then_is_live(self) -> None:
        viewer = connected(1100)
        got = [page(viewer), page(viewer)]
        assert viewer.wanted == (1000, 1100)
        got.append(page(viewer))
        assert [len(texts) for texts in got] == [PAGE_ENTRIES_MAX, PAGE_ENTRIES_MAX, 100]
        assert viewer.mode is Mode.LIVE
        assert seqs(viewer.live(1100, LOG[1100].body)) == [1100]

    def test_a_gap_sends_it_back_to_the_log(self) -> None:
        viewer = connected(0)
        assert viewer.live(1, LOG[1].body) == []
        assert viewer.mode is Mode.CATCHING_UP
        assert seqs(page(viewer)) == [0, 1]

    def test_a_double_is_swallowed(self) -> None:
        viewer = connected(0)
        viewer.live(0, LOG[0].body)
        assert viewer.live(0, LOG[0].body) == []
        assert viewer.mode is Mode.LIVE

    def test_a_page_with_a_hole_stops_before_it(self) -> None:
        viewer = connected(5)
        sent = viewer.page([(n, LOG[n].body) for n in (0, 1, 3, 4)])
        assert seqs(sent) == [0, 1]
        assert viewer.mode is Mode.CATCHING_UP

    def test_a_mark_waits_for_what_it_covers(self) -> None:
        viewer = connected(3)
        assert viewer.mark(3, "note") == []
        page(viewer)
        assert parse_frame(viewer.mark(3, "note")[0]) == Mark(3, "note")

    def test_a_stalled_viewer_gets_nothing_live_until_it_is_read_again(self) -> None:
        viewer = connected(0)
        viewer.stalled()
        assert viewer.live(0, LOG[0].body) == []
        assert seqs(page(viewer)) == [0]
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
        answer = parse_frame(viewer.hello(hello)[0])
        assert isinstance(answer, RefusalFrame)
        assert (answer.code, answer.pointer) == (f"evaluation.witness.{code}", pointer)
        assert_said(Refusal(answer.code))
        assert (answer.zh, answer.en) == tuple(
            render(Refusal(answer.code), language) for language in (Language.ZH, Language.EN)
        )
        assert viewer.mode is Mode.REFUSED
        assert viewer.live(5, LOG[5].body) == []
        assert viewer.mark(0, "note") == []

    def test_hello_is_said_once(self) -> None:
        viewer = connected(0)
        assert viewer.hello(Hello("s1"))[0].find("hello_first") > 0


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


MOVE = st.sampled_from(["grow", "grow", "live", "page", "page", "drop", "stall", "late", "mark"])


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
        for text in viewer.hello(parse_frame(follower.hello())):
            follower.take(text)
        return viewer

    viewer = connect()
    for move in moves:
        sent: list[str] = []
        if move == "grow":
            head += 1
            viewer.grew(head)
        elif move == "live":
            head += 1
            sent = viewer.live(head - 1, LOG[head - 1].body)
        elif move == "late" and head:
            sent = viewer.live(head // 2, LOG[head // 2].body)
        elif move == "page" and viewer.wanted is not None:
            sent = page(viewer)
        elif move == "stall":
            viewer.stalled()
        elif move == "mark":
            sent = viewer.mark(head, "note")
        elif move == "drop":
            viewer = connect()
        for text in sent:
            follower.take(text)
        assert follower.next == viewer.next
    viewer = connect()
    while viewer.wanted is not None:
        for text in page(viewer):
            follower.take(text)
    assert follower.next == head
    assert viewer.mode is Mode.LIVE
