"""The witness socket: in order, without gaps, from anywhere, and gone when it should be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient, WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from api import hub, live
from api.access import COOKIE
from api.fanout import Chunk
from api.hub import Hub, Viewing
from api.identity import service as identity
from api.identity.accounts import Account
from api.notices import race
from archive import canonical
from archive.actor import SYSTEM, Role
from archive.errors import Refusal
from archive.journal.entry import Entry
from archive.merkle import Frontier
from archive.note import Checkpoint, Note
from archive.office import Office
from evaluation.session.state import State
from evaluation.session.synthetic import method_json
from evaluation.session.tables import SessionRow, state_text
from evaluation.witness.follower import Follower, resume_of
from evaluation.witness.follower import State as Seen
from evaluation.witness.protocol import Hello, Mark, Mode, RefusalFrame, Viewer, parse_frame
from tests.api.conftest import PASSWORD
from tests.builders import CENTRE, STAFF, START
from tests.evaluation.course import bare_state
from trading.projects import service as projects

PATH = "/live/sessions/s1"
STREAM = "session/s1"


def record(office: Office, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        with office.write() as tx:
            tx.record(STREAM, "evaluation:witness:heartbeat", STAFF, {"station": "a", "n": number})


@pytest.fixture(autouse=True)
def session(office: Office) -> State:
    """Session s1 is there, without an entry of its own on the stream."""
    state = replace(bare_state(), session_id="s1")
    row = SessionRow(
        id="s1",
        centre_id=state.host,
        lot_id=state.lot_id,
        draw_id="draw-1",
        regime=state.regime.value,
        kind="WORKS",
        region=state.host,
        slots=1,
        created_at=START,
        method=canonical.encode(method_json(b"1")).decode(),
        stage=state.stage.value,
        version=state.version,
        state=state_text(state),
    )
    with office.write() as tx:
        tx.db.add(row)
    return state


def follow(socket: WebSocketTestSession, follower: Follower, size: int) -> Mark:
    """Take frames until a mark over `size` entries."""
    while True:
        frame = follower.take(socket.receive_text())
        if isinstance(frame, Mark) and frame.size >= size:
            return frame


@pytest.fixture
def supervisor(signed_in: Callable[[Role], TestClient]) -> TestClient:
    return signed_in(Role.SUPERVISOR)


class TestFollowing:
    def test_all_entries_then_a_signed_mark(self, supervisor: TestClient, office: Office) -> None:
        record(office, 7)
        follower = Follower("s1")
        with supervisor.websocket_connect(PATH, subprotocols=["witness.v1"]) as socket:
            accepted: object = socket.accepted_subprotocol
            assert accepted == "witness.v1"
            socket.send_text(follower.hello())
            mark = follow(socket, follower, 7)
        assert follower.next == 7
        note = Note.parse(mark.checkpoint.encode())
        checkpoint = Checkpoint.parse(note.text)
        assert note.verified_by([office.log.verifier.named(checkpoint.origin)])
        assert checkpoint.origin == f"{office.log.verifier.name}/session/s1"
        assert checkpoint.size == 7

    def test_what_is_recorded_meanwhile_comes_at_once(
        self, supervisor: TestClient, office: Office
    ) -> None:
        record(office, 2)
        follower = Follower("s1")
        with supervisor.websocket_connect(PATH) as socket:
            socket.send_text(follower.hello())
            follow(socket, follower, 2)
            record(office, 3, 2)
            follow(socket, follower, 5)
        assert follower.next == 5

    def test_another_process_writes_and_the_poll_finds_it(
        self, supervisor: TestClient, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record(office, 1)
        monkeypatch.setattr(hub, "POLL_SECONDS", 0.05)
        follower = Follower("s1")
        with supervisor.websocket_connect(PATH) as socket:
            socket.send_text(follower.hello())
            follow(socket, follower, 1)
            callbacks, office.on_record = office.on_record, []
            record(office, 2, 1)
            follow(socket, follower, 3)
            office.on_record = callbacks
        assert follower.next == 3

    def test_resuming_has_no_horizon(
        self, supervisor: TestClient, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub, "ENTRIES_MAX", 3)
        record(office, 5)
        follower = Follower("s1")
        with supervisor.websocket_connect(PATH) as socket:
            socket.send_text(follower.hello())
            follow(socket, follower, 5)
        record(office, 40, 5)
        with supervisor.websocket_connect(PATH) as socket:
            socket.send_text(follower.hello())
            follow(socket, follower, 45)
            record(office, 20, 45)
            follow(socket, follower, 65)
        assert follower.next == 65

    def test_two_viewers_share_one_tail(
        self, supervisor: TestClient, app: FastAPI, office: Office
    ) -> None:
        record(office, 3)
        first, second = Follower("s1"), Follower("s1")
        with (
            supervisor.websocket_connect(PATH) as one,
            supervisor.websocket_connect(PATH) as two,
        ):
            one.send_text(first.hello())
            two.send_text(second.hello())
            follow(one, first, 3)
            follow(two, second, 3)
            assert len(app.state.hubs._open) == 1
        assert app.state.hubs._open == {}


class TestRefusals:
    def test_nobody_a_stranger_and_an_unknown_session(
        self, client: TestClient, signed_in: Callable[[Role], TestClient], office: Office
    ) -> None:
        record(office, 1)
        for who, path, status in [
            (client, PATH, 401),
            (signed_in(Role.BIDDER), PATH, 403),
            (signed_in(Role.STAFF), "/live/sessions/s2", 404),
        ]:
            with pytest.raises(WebSocketDenialResponse) as caught, who.websocket_connect(path):
                pass
            assert caught.value.status_code == status
            assert caught.value.json()["type"].startswith("/problems/")

    @pytest.mark.parametrize(
        ("role", "centre", "party", "status"),
        [
            (Role.STAFF, CENTRE, "", 101),  # the host
            (Role.STAFF, "532300", "", 101),  # lends a seat
            (Role.STAFF, "533100", "", 404),
            (Role.SUPERVISOR, "", "", 101),  # the province's
            (Role.SUPERVISOR, "", "department", 101),
            (Role.SUPERVISOR, "", "another", 404),
        ],
    )
    def test_a_session_is_there_for_those_who_see_it_over_http(
        self,
        app: FastAPI,
        office: Office,
        monkeypatch: pytest.MonkeyPatch,
        role: Role,
        centre: str,
        party: str,
        status: int,
    ) -> None:
        lot = SimpleNamespace(id="lot-1", supervisor_uscc="department")
        monkeypatch.setattr(projects, "lot", lambda _db, _id: lot)
        record(office, 1)
        account = Account("reader", frozenset({role}), centre_id=centre, party_id=party)
        with office.write() as tx:
            identity.create_account(tx, SYSTEM, account, PASSWORD)
        with TestClient(app) as client:
            client.post("/api/sign-in", json={"account": "reader", "password": PASSWORD})
            shown = client.get("/api/sessions/s1").status_code
            if status == 101:
                assert shown == 200
                with client.websocket_connect(PATH):
                    return
            assert shown == status
            with (
                pytest.raises(WebSocketDenialResponse) as caught,
                client.websocket_connect(PATH),
            ):
                pass
            assert caught.value.status_code == status

    def test_a_page_of_another_site_cannot_watch(
        self, supervisor: TestClient, office: Office
    ) -> None:
        record(office, 1)
        with (
            pytest.raises(WebSocketDenialResponse) as caught,
            supervisor.websocket_connect(PATH, headers={"origin": "http://evil.example"}),
        ):
            pass
        assert caught.value.status_code == 403
        with supervisor.websocket_connect(PATH, headers={"origin": "http://testserver"}):
            pass

    @pytest.mark.parametrize(
        ("hello", "code", "pointer"),
        [
            ("nonsense", "evaluation.witness.frame", ""),
            ('{"checkpoint":"","frame":"mark","size":-1}', "evaluation.witness.frame", "/size"),
            (Follower("s2").hello(), "evaluation.witness.other_session", "/session"),
        ],
    )
    def test_a_wrong_hello_is_refused_and_closed(
        self, supervisor: TestClient, office: Office, hello: str, code: str, pointer: str
    ) -> None:
        record(office, 1)
        with supervisor.websocket_connect(PATH) as socket:
            socket.send_text(hello)
            said = parse_frame(socket.receive_text())
            assert isinstance(said, RefusalFrame)
            assert said.code == code
            assert said.pointer == pointer
            assert said.zh != said.en
            assert not said.zh.startswith("[")
            with pytest.raises(WebSocketDisconnect) as caught:
                socket.receive_text()
        assert caught.value.code == 4002

    def test_another_log_is_not_continued(self, supervisor: TestClient, office: Office) -> None:
        record(office, 3)
        frontier = Frontier().append(bytes(32)).append(bytes(32))
        follower = Follower.resuming(Seen("s1", "0123456789abcdef", frontier))
        with supervisor.websocket_connect(PATH) as socket:
            socket.send_text(follower.hello())
            with pytest.raises(Refusal, match="other_epoch"):
                follower.take(socket.receive_text())

    def test_signing_out_closes_the_socket(
        self, supervisor: TestClient, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub, "CHECK_SECONDS", 0.05)
        record(office, 1)
        follower = Follower("s1")
        with supervisor.websocket_connect(PATH) as socket:
            socket.send_text(follower.hello())
            follow(socket, follower, 1)
            supervisor.post("/api/sign-out")
            with pytest.raises(WebSocketDisconnect) as caught:
                socket.receive_text()
        assert caught.value.code == 4001
        assert caught.value.reason == "signed out; resume=1"


class TestSending:
    """Stations report over the same socket; an answer means the commit has happened."""

    @pytest.mark.parametrize(
        "text",
        [
            "x",
            "[]",
            '{"type":"event","kind":"door"}',
            '{"type":"event","kind":"door","data":[]}',
            '{"type":"event","kind":1,"data":{}}',
            '{"type":"event","kind":"door","data":{"n":1.5}}',
            '{"type":"event","kind":"door","data":{},"more":1}',
            '{"type":"event","kind":"door","data":{},"id":7}',
            '{"type":"other","kind":"door","data":{}}',
            "[" * 100_000,
        ],
    )
    def test_what_is_no_event_is_refused(self, text: str) -> None:
        with pytest.raises(Refusal, match=r"api\.live\.frame"):
            live.parse_event(text)

    def test_a_refusal_names_the_event_and_nothing_is_done(
        self, supervisor: TestClient, office: Office
    ) -> None:
        record(office, 1)
        follower = Follower("s1")
        with supervisor.websocket_connect(PATH) as socket:
            socket.send_text(follower.hello())
            follow(socket, follower, 1)
            booth = {"seat": "S99", "place": "BOOTH", "present": True}
            for kind, data, code, pointer in [
                ("door", {}, "evaluation.witness.invalid", "/venue"),
                ("gossip", {}, "evaluation.witness.kind", "/kind"),
                ("\ud800", {}, "evaluation.witness.kind", "/kind"),
                ("presence", booth, "evaluation.witness.invalid", "/seat"),
                (
                    "power",
                    {"venue": "999999", "state": "OFF"},
                    "evaluation.witness.invalid",
                    "/venue",
                ),
                (
                    "seal_check",
                    {"venue": CENTRE, "number": "YN-1", "intact": True},
                    "evaluation.witness.invalid",
                    "/number",
                ),
            ]:
                event = {"type": "event", "id": "e-1", "kind": kind, "data": data}
                socket.send_text(json.dumps(event))
                # A socket takes what has UTF-8, and would stay silent from then on.
                answer = json.loads(socket.receive_text().encode())
                assert (answer["type"], answer["id"]) == ("refusal", "e-1")
                assert answer["problem"]["code"] == code
                assert (answer["pointer"], answer["rule"]) == (pointer, "")
                assert answer["zh"] == answer["problem"]["detail_zh"]
                assert answer["en"] == answer["problem"]["detail_en"]
            record(office, 1, 1)
            follow(socket, follower, 2)
        assert follower.next == 2

    def test_the_acknowledgement_comes_after_the_commit(
        self, supervisor: TestClient, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record(office, 1)
        done: list[str] = []

        def record_event(tx: Any, actor: Any, session: str, kind: str, data: Any) -> None:
            tx.after_commit(lambda: done.append("committed"))
            tx.record(f"session/{session}", f"evaluation:witness:{kind}", actor, data)

        monkeypatch.setattr(live, "record_event", record_event)
        follower = Follower("s1")
        with supervisor.websocket_connect(PATH) as socket:
            socket.send_text(follower.hello())
            follow(socket, follower, 1)
            event = {"type": "event", "id": "e-1", "kind": "door", "data": {"door": "a"}}
            socket.send_text(json.dumps(event))
            seen: list[dict[str, Any]] = []
            while len(seen) < 3:  # the acknowledgement, the entry itself and a mark, in any order
                seen.append(json.loads(socket.receive_text()))
        assert {"type": "ack", "id": "e-1", "seq": 1} in seen
        assert done == ["committed"]
        (entry,) = [json.loads(f["body"]) for f in seen if f.get("frame") == "event"]
        assert (entry["actor"], entry["seq"]) == ("supervisor-1", 1)

    def test_each_acknowledgement_names_its_entry_and_readers_are_woken(
        self, supervisor: TestClient, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record(office, 3)
        monkeypatch.setattr(hub, "POLL_SECONDS", 60.0)  # nothing but the wake-up helps

        def record_event(tx: Any, actor: Any, session: str, kind: str, data: Any) -> None:
            tx.record(f"draw/{session}", "experts:draw:noted", actor, {})  # sorts before
            tx.record(f"session/{session}", f"evaluation:witness:{kind}", actor, data)

        monkeypatch.setattr(live, "record_event", record_event)
        follower = Follower("s1")
        acknowledged: dict[str, int] = {}
        bodies: dict[int, Any] = {}
        with supervisor.websocket_connect(PATH) as socket:
            socket.send_text(follower.hello())
            follow(socket, follower, 3)
            for n in range(4):
                event = {"type": "event", "id": f"e-{n}", "kind": "door", "data": {"n": n}}
                socket.send_text(json.dumps(event))
            while follower.next < 7 or len(acknowledged) < 4:
                text = socket.receive_text()
                frame = json.loads(text)
                if frame.get("type") == "ack":
                    acknowledged[frame["id"]] = frame["seq"]
                elif isinstance(entry := follower.take(text), Entry):
                    bodies[entry.seq] = entry.data
        assert acknowledged == {f"e-{n}": n + 3 for n in range(4)}
        assert [bodies[seq] for seq in range(3, 7)] == [{"n": n} for n in range(4)]


class Reader:
    """The other side of a socket, which reads only when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.taken: list[str] = []
        self.reads = asyncio.Event()
        self.ended: tuple[int, str] | None = None

    def write(self, chunk: Chunk) -> int:
        self.waiting += map(str, chunk.texts)
        return sum(map(len, self.waiting))

    async def relieved(self) -> None:
        while self.waiting:
            await self.reads.wait()
            self.taken += self.waiting
            self.waiting.clear()

    def end(self, code: int, reason: str) -> None:
        self.ended = (code, reason)


class TestSlowViewers:
    async def watch(self, office: Office, reader: Reader) -> tuple[Hub, Viewing]:
        mark = hub.read_mark(office, STREAM)
        assert mark is not None
        shown = Hub(office, STREAM, mark)
        rules = Viewer("s1", "e", shown.head)
        rules.hello(Hello("s1"))

        async def may() -> None:
            return None

        return shown, Viewing(rules, reader, may)

    def test_is_demoted_goes_on_from_the_record_and_misses_nothing(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub, "WAITING_BYTES_MAX", 3000)
        monkeypatch.setattr(hub, "ENTRIES_MAX", 5)
        monkeypatch.setattr(hub, "POLL_SECONDS", 0.02)
        record(office, 1)

        async def run() -> list[str]:
            reader = Reader()
            shown, viewing = await self.watch(office, reader)
            following = asyncio.create_task(shown.follow())

            async def until(done: Callable[[], bool]) -> None:
                async with asyncio.timeout(10):
                    while not done():
                        await asyncio.sleep(0.01)

            shown.show(viewing)
            await asyncio.to_thread(record, office, 20, 1)
            await until(lambda: shown.head == 21)
            await until(lambda: viewing.rules.mode is Mode.CATCHING_UP)
            written = len(reader.waiting)
            await asyncio.to_thread(record, office, 30, 21)
            await until(lambda: shown.head == 51)
            assert len(reader.waiting) == written, "nothing is piled up for who does not read"
            reader.reads.set()
            await until(lambda: viewing.rules.next == 51)
            assert viewing.rules.mode is Mode.LIVE
            await reader.relieved()
            shown.leave(viewing)
            following.cancel()
            return reader.taken

        follower = Follower("s1")
        for text in ['{"epoch":"e","frame":"welcome","head":1}', *asyncio.run(run())]:
            follower.take(text)  # refuses a gap and a double
        assert follower.next == 51

    def test_who_never_reads_is_closed_and_told_where_to_resume(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub, "STUCK_SECONDS_MAX", 0.05)
        monkeypatch.setattr(hub, "PAGE_ENTRIES_MAX", 2)
        record(office, 5)

        async def run() -> Reader:
            reader = Reader()
            shown, viewing = await self.watch(office, reader)
            shown.show(viewing)
            async with asyncio.timeout(5):
                while reader.ended is None:
                    await asyncio.sleep(0.01)
            shown.leave(viewing)
            return reader

        reader = asyncio.run(run())
        assert reader.ended is not None
        code, reason = reader.ended
        assert (code, reason) == (4008, "too slow; resume=2")
        assert resume_of(reason) == 2
        assert len(reader.waiting) == 2


def test_the_race_ends_with_its_first_and_cancels_the_rest() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("forever")

    async def leaves() -> None:
        raise WebSocketDisconnect(1001)

    with pytest.raises(WebSocketDisconnect):
        asyncio.run(race(forever(), leaves()))
    assert ended == ["forever"]


def test_the_cookie_is_the_only_way_in(app: FastAPI, office: Office) -> None:
    record(office, 1)
    stranger = TestClient(app, cookies={COOKIE: "made-up"})
    with pytest.raises(WebSocketDenialResponse), stranger.websocket_connect(PATH):
        pass


class TestTickets:
    """A ticket opens one socket, once, for as long as the sign-in lasts that gave it."""

    def ticket(self, supervisor: TestClient) -> list[str]:
        answer = supervisor.post("/api/ticket")
        assert answer.status_code == 201
        assert answer.json()["seconds"] == identity.TICKET_SECONDS
        return ["witness.v1", f"ticket.{answer.json()['ticket']}"]

    def refused(self, client: TestClient, offered: list[str]) -> None:
        with (
            pytest.raises(WebSocketDenialResponse) as caught,
            client.websocket_connect(PATH, subprotocols=offered),
        ):
            pass
        assert caught.value.status_code == 401

    def test_once_and_signing_out_ends_it(
        self,
        app: FastAPI,
        supervisor: TestClient,
        office: Office,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(hub, "CHECK_SECONDS", 0.05)
        record(office, 1)
        offered, other = self.ticket(supervisor), self.ticket(supervisor)
        with TestClient(app) as stranger:
            with stranger.websocket_connect(PATH, subprotocols=offered) as socket:
                chosen: object = socket.accepted_subprotocol
                assert chosen == "witness.v1"
                follower = Follower("s1")
                socket.send_text(follower.hello())
                follow(socket, follower, 1)
                self.refused(stranger, offered)
                supervisor.post("/api/sign-out")
                with pytest.raises(WebSocketDisconnect) as caught:
                    socket.receive_text()
            assert caught.value.code == 4001
            self.refused(stranger, other)
            self.refused(stranger, ["witness.v1", "ticket.made-up"])
            assert stranger.post("/api/ticket").status_code == 401

    def test_not_after_its_time(
        self,
        app: FastAPI,
        supervisor: TestClient,
        office: Office,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(identity, "TICKET_SECONDS", 0)
        record(office, 1)
        offered = self.ticket(supervisor)
        with TestClient(app) as stranger:
            self.refused(stranger, offered)
