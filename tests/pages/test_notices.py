"""Notices: that something moved, to whom may know it; what moved is read elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from api import notices
from api.flows.topics import may_follow
from api.notices import TOPICS_MAX, parse_watch
from archive.actor import Actor, Role
from archive.office import Office
from tests.builders import STAFF, SUPERVISOR
from tests.trading.world import FIRMS, OUTSIDER, TENDERER, World

PATH = "/live/notices"


def record(office: Office, stream: str) -> None:
    with office.write() as tx:
        tx.record(stream, "trading:lot:noticed", STAFF, {})


def said(socket: WebSocketTestSession) -> dict[str, Any]:
    """The next frame that is no reading of the clock."""
    while True:
        frame: dict[str, Any] = socket.receive_json()
        if "clock" not in frame:
            return frame


class TestTelling:
    def test_where_a_topic_stands_and_when_it_moves(
        self, client: TestClient, office: Office
    ) -> None:
        with client.websocket_connect(PATH) as socket:
            socket.send_json({"watch": ["board"]})
            assert said(socket) == {"topic": "board", "seq": 0}
            record(office, "lot/x")
            assert said(socket) == {"topic": "board", "seq": 1}

    def test_lodging_moves_nothing(self, client: TestClient, office: Office) -> None:
        """When somebody lodged is not to be seen before the opening."""
        with client.websocket_connect(PATH) as socket:
            socket.send_json({"watch": ["board"]})
            said(socket)
            with office.write() as tx:
                tx.record("lodging", "trading:lodging:batch", STAFF, {})
            record(office, "draw/x")
            assert said(socket) == {"topic": "board", "seq": 1}

    def test_what_is_not_for_the_reader_is_refused_by_name(self, client: TestClient) -> None:
        with client.websocket_connect(PATH) as socket:
            socket.send_json({"watch": ["lot/x", "nonsense", "lodging"]})
            for topic in ("lot/x", "nonsense", "lodging"):
                assert said(socket) == {"topic": topic, "refused": True}

    def test_the_clock_is_legal_time(self, client: TestClient, office: Office) -> None:
        with client.websocket_connect(PATH) as socket:
            socket.send_json({"watch": []})
            assert socket.receive_json() == {"clock": "2026-10-21T01:00:00.000Z"}

    def test_another_process_that_writes_is_seen_within_seconds(
        self, client: TestClient, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(notices, "POLL_SECONDS", 0.05)
        with client.websocket_connect(PATH) as socket:
            socket.send_json({"watch": ["board"]})
            said(socket)
            office.on_record.clear()  # as if it had been written elsewhere
            record(office, "session/x")
            assert said(socket)["seq"] == 1


class TestBounds:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[]",
            "{}",
            '{"watch": "board"}',
            '{"watch": [1]}',
            '{"watch": [], "x": 1}',
            "[" * 5000,
            '{"watch": ["' + "x" * 9000 + '"]}',
        ],
    )
    def test_what_is_no_watch_message_ends_it(self, client: TestClient, text: str) -> None:
        with client.websocket_connect(PATH) as socket:
            socket.send_text(text)
            with pytest.raises(WebSocketDisconnect) as caught:
                said(socket)
        assert caught.value.code == 1008

    def test_a_second_message_ends_it_too(self, client: TestClient) -> None:
        with client.websocket_connect(PATH) as socket:
            socket.send_json({"watch": []})
            socket.send_json({"watch": []})
            with pytest.raises(WebSocketDisconnect) as caught:
                said(socket)
        assert caught.value.code == 1008

    def test_too_many_topics(self) -> None:
        with pytest.raises(ValueError, match="not a watch"):
            parse_watch('{"watch": ' + str(["board"] * (TOPICS_MAX + 1)).replace("'", '"') + "}")

    def test_whoever_comes_too_late_is_told_to_poll(
        self, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(notices, "SOCKETS_MAX", 0)
        with client.websocket_connect(PATH) as socket, pytest.raises(WebSocketDisconnect) as caught:
            socket.receive_json()
        assert caught.value.code == 1013

    def test_nothing_is_looked_for_when_nobody_follows(self, client: TestClient) -> None:
        pulse: notices.Pulse = client.app.state.pulse  # type: ignore[attr-defined]
        with client.websocket_connect(PATH) as socket:
            socket.send_json({"watch": ["board"]})
            said(socket)
            assert pulse.sockets == 1
        client.get("/health")  # lets the handler end
        assert pulse.sockets == 0


class TestRights:
    def may(self, office: Office, actor: Actor | None, topic: str) -> bool:
        with office.read() as db:
            return may_follow(db, actor, topic)

    def test_lots(self, office: Office, world: World) -> None:
        noticed, registered = world.noticed(), world.register().lots[0].id
        tenderer = Actor("t", frozenset({Role.TENDERER}), party_id=TENDERER)
        stranger = Actor("t", frozenset({Role.TENDERER}), party_id=OUTSIDER)
        bidder = Actor("b", frozenset({Role.BIDDER}), party_id=FIRMS[0])
        elsewhere = Actor("s", frozenset({Role.STAFF}), centre_id="530100")
        cases: list[tuple[Actor | None, bool, bool]] = [
            (STAFF, True, True),
            (elsewhere, False, False),
            (SUPERVISOR, True, True),
            (tenderer, True, True),
            (stranger, False, False),
            (bidder, True, False),
            (None, False, False),
        ]
        for actor, of_noticed, of_registered in cases:
            assert self.may(office, actor, f"lot/{noticed}") is of_noticed, actor
            assert self.may(office, actor, f"lot/{registered}") is of_registered, actor
        assert not self.may(office, STAFF, "lot/none")

    @pytest.mark.parametrize(
        "topic",
        ["lodging", "account/staff-1", "", "lot/", "lot/../x", "lot/" + "x" * 100, "board/1"],
    )
    def test_no_topic(self, office: Office, topic: str) -> None:
        assert not self.may(office, STAFF, topic)

    def test_roles(self, office: Office) -> None:
        bidder = Actor("b", frozenset({Role.BIDDER}), party_id=FIRMS[0])
        for topic in ("session/s", "draw/d", "plan/p", "stations", "pool"):
            assert self.may(office, STAFF, topic)
            assert not self.may(office, bidder, topic)
            assert not self.may(office, None, topic)


def test_a_guest_is_as_signed_in_as_the_cookie_says(
    signed_in: Callable[[Role], TestClient], world: World
) -> None:
    lot_id = world.noticed()
    staff = signed_in(Role.STAFF)
    with staff.websocket_connect(PATH) as socket:
        socket.send_json({"watch": [f"lot/{lot_id}"]})
        assert said(socket) == {"topic": f"lot/{lot_id}", "seq": 2}
