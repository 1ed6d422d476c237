"""Letting thousands in one after another.

Where a node dies or comes back, all who watched there come at the same time. A handshake takes milliseconds (who is it, may
he, from where on), so thousands of them would keep everybody else waiting until all were done. So a few are under
way at a time, and whoever comes beyond is answered before anything is looked up: close code 1013 (IANA: try again
later) with `retry=<seconds>`, an appointment of his own at the pace at which handshakes went lately. Clients keep it
(`api.witness_client`, `api/static/witness.js`); who does not come back from himself is not waited for.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

AT_ONCE = 12
"""Handshakes under way at a time: enough to keep the readers busy, few enough to leave them to others soon."""
FIRST_SECONDS = 0.1
"""How long a handshake is taken to last before one was seen."""
SHARE = 0.75
"""So much of the pace is given away; the rest is for those who come without an appointment."""
RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 0.5, 60.0
WEIGHT = 0.1
"""Of the newest handshake in the mean."""
AGAIN_LATER = 1013
_PATHS = re.compile(r"/live/sessions/.*")


@dataclass
class Appointments:
    """Who may begin now, and when the others are to come. No clock: `now` in seconds of any beginning."""

    at_once: int = AT_ONCE
    inside: int = 0
    lasts: float = FIRST_SECONDS
    """Seconds that a handshake lasts, a running mean."""
    _given: float = 0.0
    """The last appointment."""

    def come(self, now: float) -> float:
        """0 for who may begin, and then calls `done`; else in how many seconds to come again."""
        if self.inside < self.at_once:
            self.inside += 1
            return 0.0
        each = self.lasts / self.at_once / SHARE
        self._given = max(self._given, now + RETRY_SECONDS_MIN) + each
        return min(self._given - now, RETRY_SECONDS_MAX)

    def done(self, lasted: float) -> None:
        self.inside -= 1
        self.lasts += WEIGHT * (lasted - self.lasts)


class Admission:
    """A layer around the application: the sockets of sessions pass it one after another."""

    def __init__(self, app: ASGIApp, at_once: int = AT_ONCE) -> None:
        self._app = app
        self._appointments = Appointments(at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket" or not _PATHS.match(scope["path"]):
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        retry = self._appointments.come(began)
        if retry:
            await receive()
            await send({"type": "websocket.accept"})
            reason = f"busy; retry={retry:.1f}"
            await send({"type": "websocket.close", "code": AGAIN_LATER, "reason": reason})
            return
        is_inside = True

        def leave() -> None:
            nonlocal is_inside
            if is_inside:
                is_inside = False
                self._appointments.done(time.monotonic() - began)

        async def note(message: Message) -> None:
            if message["type"] == "websocket.accept":
                leave()  # how soon the viewer greets is his affair
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            leave()
