"""Thousands who come at once are let in one after another (RFC 6455, 7.4; close code 1013 of the IANA registry)."""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from api.admission import RETRY_SECONDS_MAX, RETRY_SECONDS_MIN, Admission, Appointments
from evaluation.witness.follower import retry_of


class TestAppointments:
    @given(st.integers(1, 20), st.integers(0, 200), st.floats(0.001, 1))
    def test_each_gets_a_time_of_his_own(self, at_once: int, more: int, lasts: float) -> None:
        desk = Appointments(at_once, lasts=lasts)
        assert [desk.come(5.0) for _ in range(at_once)] == [0.0] * at_once
        times = [desk.come(5.0) for _ in range(more)]
        within = [each for each in times if each < RETRY_SECONDS_MAX]
        assert all(each >= RETRY_SECONDS_MIN for each in times)
        assert len(set(within)) == len(within)
        assert times == sorted(times)
        assert times[len(within) :] == [RETRY_SECONDS_MAX] * (more - len(within))

    @settings(max_examples=20)
    @given(st.integers(10, 1000), st.floats(0.005, 0.2))
    def test_all_are_let_in_at_the_pace_of_the_handshakes(self, count: int, lasts: float) -> None:
        """Everybody keeps his appointments; a handshake lasts `lasts`, five at a time."""
        desk = Appointments(at_once=5, lasts=lasts)
        coming = [(0.0, number) for number in range(count)]
        inside: list[float] = []
        tries, now = 0, 0.0
        while coming:
            now, number = heappop(coming)
            while inside and inside[0] <= now:
                inside.pop(0)
                desk.done(lasts)
            tries += 1
            assert desk.inside == len(inside) <= 5
            if retry := desk.come(now):
                heappush(coming, (now + retry, number))
            else:
                inside.append(now + lasts)
        assert now <= 2 * count * lasts / 5 + RETRY_SECONDS_MIN + 2 * lasts
        assert tries <= 3 * count


class TestTheLayer:
    def app(self, at_once: int) -> tuple[Admission, list[asyncio.Event]]:
        doors: list[asyncio.Event] = []

        async def inner(scope: Any, receive: Any, send: Any) -> None:
            doors.append(asyncio.Event())
            await doors[-1].wait()
            await send({"type": "websocket.accept"})
            await receive()

        return Admission(inner, at_once), doors

    def test_whoever_is_accepted_makes_room_though_he_stays(self) -> None:
        layer, doors = self.app(1)
        scope = {"type": "websocket", "path": "/live/sessions/s1"}

        async def come() -> tuple[asyncio.Task[None], list[Any], asyncio.Event]:
            said: list[Any] = []
            leaves = asyncio.Event()

            async def receive() -> Any:
                if doors and doors[-1].is_set():
                    await leaves.wait()
                return {"type": "websocket.connect"}

            async def send(message: Any) -> None:
                said.append(message)

            task = asyncio.create_task(layer(scope, receive, send))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return task, said, leaves

        async def run() -> None:
            first, _, first_leaves = await come()
            refused, said, _ = await come()
            await refused
            assert [each["type"] for each in said] == ["websocket.accept", "websocket.close"]
            assert said[1]["code"] == 1013
            retry = retry_of(said[1]["reason"])
            assert retry is not None
            assert retry >= RETRY_SECONDS_MIN
            doors[0].set()
            await asyncio.sleep(0.01)
            second, said, _ = await come()
            assert said == []  # he is inside
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            assert layer._appointments.inside == 0
            first_leaves.set()
            await first

        asyncio.run(run())

    def test_the_application_has_it(self, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
        """Before anything is looked up: nobody is signed in, and no such session is known."""
        monkeypatch.setattr(Appointments, "come", lambda _self, _now: 2.5)
        with (
            TestClient(app) as client,
            client.websocket_connect("/live/sessions/none") as socket,
            pytest.raises(WebSocketDisconnect) as caught,
        ):
            socket.receive_text()
        assert (caught.value.code, caught.value.reason) == (1013, "busy; retry=2.5")
        assert retry_of("another reason") is None
