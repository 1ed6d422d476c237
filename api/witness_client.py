"""A client of `witness.v1` for programs: follows a session's record over any number of connections.

    with sign_in("https://platform", "supervisor", password) as cookie: …
    client = WitnessClient(address_of(url), Follower(session, log_key), cookie_of)
    for found in client.frames():      # Entry, Mark, Kept and Cut, in order, without gap or double
        …

The follower refuses whatever breaks the promise (`evaluation.witness.follower`); then `frames` ends with that
Refusal, and does not try again. A cut is survived: the next connection goes on from the entry that is due,
after a pause that is drawn from a growing span (full jitter), so that thousands who were cut together do not come
back together; a server that is asked by too many names a time to each, and that is kept. What has to be kept to go on another day is `follower.state`.
"""

from __future__ import annotations

import json
import random
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from archive.errors import Param, Reason
from archive.journal.entry import Entry
from archive.words import Language, say
from evaluation.witness.follower import Follower, retry_of
from evaluation.witness.protocol import FRAME_BYTES_MAX, PROTOCOL, Kept, Mark

PAUSE_SECONDS, PAUSE_SECONDS_MAX = 2.0, 30.0
"""The span from which the first pause is drawn, and the largest."""
LATER_MAX = 0.1
"""By so much of it an appointment is missed, by chance."""
OPEN_SECONDS_MAX = 10.0
SILENT_SECONDS_MAX = 60.0
"""The connection's own ping finds a dead line."""
SIGN_IN_SECONDS_MAX = 30.0
SIGNED_OUT, NOT_HIS, SERVER_FAILS = 4001, 4003, 500
CLOSED = {
    1006: "api.follow.cut",
    1012: "api.follow.stops",
    1013: "api.follow.busy",
    4008: "api.follow.slow",
}
"""What a close code means, in words."""
_ADDRESS = re.compile(r"(https?|wss?)://([^/]+)/(?:.*/)?sessions/([A-Za-z0-9._-]{1,64})(?:/.*)?")


class NotFollowed(Exception):
    """The server does not let this viewer follow, or does not prove who it is; `said` in each language."""

    def __init__(self, said: Mapping[Language, str]) -> None:
        super().__init__(" / ".join(said.values()))
        self.said = said

    @classmethod
    def of(cls, code: str, **params: Param) -> NotFollowed:
        return cls({language: say(code, params, language) for language in Language})


@dataclass(frozen=True)
class Cut:
    """The connection ended; the next one is made after `pause` seconds."""

    why: Reason
    pause: float


@dataclass(frozen=True)
class Address:
    """Where a session is followed. `site`: where one signs in."""

    site: str
    socket: str
    session: str


Found: TypeAlias = Entry | Mark | Kept | Cut
CookieOf: TypeAlias = Callable[[], str]
"""Signs in, and gives the cookie header."""


def address_of(url: str) -> Address:
    """The address of a session, from that of any of its pages; ValueError for anything else."""
    found = _ADDRESS.fullmatch(url.partition("?")[0].partition("#")[0])
    if found is None:
        raise ValueError(f"not the address of a session: {url!r}")
    secure = found[1] in ("https", "wss")
    session = found[3]
    return Address(
        f"http{'s' if secure else ''}://{found[2]}",
        f"ws{'s' if secure else ''}://{found[2]}/live/sessions/{session}",
        session,
    )


def sign_in(site: str, account: str, password: str) -> str:
    """The cookie header of a new sign-in. NotFollowed where it is refused, OSError where nobody answers."""
    body = json.dumps({"account": account, "password": password}).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"{site}/api/sign-in", body, headers)  # noqa: S310 - the caller's own address
    try:
        with urlopen(request, timeout=SIGN_IN_SECONDS_MAX) as answer:  # noqa: S310
            return str(answer.headers["Set-Cookie"]).partition(";")[0]
    except HTTPError as error:
        if error.code >= SERVER_FAILS:
            raise  # it will do better, perhaps
        raise _told(error.read(10_000)) from None


def ticket_of(site: str, cookie: str) -> str:
    """A ticket for one socket; HTTPError 401 where the sign-in has ended."""
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    request = Request(f"{site}/api/ticket", b"{}", headers)  # noqa: S310 - the caller's own address
    with urlopen(request, timeout=SIGN_IN_SECONDS_MAX) as answer:  # noqa: S310
        return str(json.load(answer)["ticket"])


def places_of(address: Address, cookie: str) -> dict[str, str]:
    """The names of the session's venues by id; none where they cannot be had."""
    url = f"{address.site}/api/sessions/{address.session}/places"
    request = Request(url, headers={"Cookie": cookie})  # noqa: S310 - the caller's own address
    try:
        with urlopen(request, timeout=SIGN_IN_SECONDS_MAX) as answer:  # noqa: S310
            return dict(json.load(answer))
    except (OSError, ValueError, TypeError):
        return {}


def pause_after(tries: int, chance: float) -> float:
    """Seconds to wait after the `tries`-th failure in a row (from 0); `chance` in [0, 1)."""
    return float(min(PAUSE_SECONDS * 2 ** min(tries, 10), PAUSE_SECONDS_MAX) * chance)


@dataclass
class WitnessClient:
    """One viewer. `cookie_of` is called for the first connection and whenever the sign-in ended."""

    address: Address
    follower: Follower
    cookie_of: CookieOf
    sleep: Callable[[float], None] = time.sleep
    ticket_of: Callable[[str, str], str] = ticket_of
    head: int = -1
    """How many entries there were when the newest connection began."""
    _cookie: str = ""
    _tries: int = field(default=0, init=False)

    def frames(self) -> Iterator[Found]:
        """What comes, for ever. Refusal where the promise is broken; NotFollowed where the server does
        not let us."""
        while True:
            why = Reason("api.follow.closed", {"code": 1000})
            retry = None
            try:
                if not self._cookie:
                    self._cookie = self.cookie_of()
                with self._connected() as socket:
                    yield from self._taken(socket)
            except (InvalidStatus, HTTPError) as error:
                status, body = _answered(error)
                if status == 401 and self._tries == 0:
                    why = self._again_signed_in()
                elif status < SERVER_FAILS:
                    raise _told(body) from None
                else:
                    why = Reason("api.follow.fails", {"status": status})
            except ConnectionClosed as error:
                code = error.rcvd.code if error.rcvd else 1006
                retry = retry_of(error.rcvd.reason if error.rcvd else "")
                if code == NOT_HIS:
                    raise NotFollowed.of("api.follow.not_yours") from None
                if code == SIGNED_OUT:
                    why = self._again_signed_in()
                else:
                    why = Reason(CLOSED.get(code, "api.follow.closed"), {"code": code})
            except (OSError, InvalidHandshake) as error:
                if untrusted := _untrusted(error):
                    raise NotFollowed.of("api.follow.untrusted", detail=untrusted) from None
                detail = str(getattr(error, "reason", "") or error) or type(error).__name__
                why = Reason("api.follow.unreachable", {"detail": detail})
            chance = random.random()  # noqa: S311 - only a pause
            if retry is None:
                cut = Cut(why, pause_after(self._tries, chance))
                self._tries += 1
            else:
                cut = Cut(why, retry * (1 + LATER_MAX * chance))
            yield cut
            self.sleep(cut.pause)

    def places(self) -> dict[str, str]:
        """The names of the session's venues, by the sign-in that the connection was made with."""
        return places_of(self.address, self._cookie)

    def _again_signed_in(self) -> Reason:
        self._cookie = ""
        return Reason("api.follow.signed_out")

    def _connected(self) -> ClientConnection:
        ticket = self.ticket_of(self.address.site, self._cookie)
        return connect(
            self.address.socket,
            subprotocols=[Subprotocol(PROTOCOL), Subprotocol(f"ticket.{ticket}")],
            compression=None,
            max_size=FRAME_BYTES_MAX,
            open_timeout=OPEN_SECONDS_MAX,
            ping_timeout=SILENT_SECONDS_MAX,
        )

    def _taken(self, socket: ClientConnection) -> Iterator[Entry | Mark | Kept]:
        socket.send(self.follower.hello())
        for text in socket:
            found = self.follower.take(text if isinstance(text, str) else text.decode())
            self._tries = 0
            if found is None:
                self.head = json.loads(text)["head"]
            else:
                yield found
        raise ConnectionClosed(socket.protocol.close_rcvd, socket.protocol.close_sent)


def _answered(error: InvalidStatus | HTTPError) -> tuple[int, bytes | bytearray | None]:
    if isinstance(error, HTTPError):
        return error.code, error.read(10_000)
    return error.response.status_code, error.response.body


def _told(body: bytes | bytearray | None) -> NotFollowed:
    """What the server said in its answer."""
    try:
        told = json.loads(body or b"")
        return NotFollowed({one: str(told[f"detail_{one}"]) for one in Language})
    except (ValueError, KeyError, TypeError):
        text = (body or b"").decode("utf-8", "replace")[:1000]
        return NotFollowed.of("api.follow.refused", detail=text)


def _untrusted(error: BaseException) -> str:
    """What is wrong with the certificate that the server showed; "" where that is not the matter. It will not
    become better by trying again, and it may be somebody else's server."""
    cause = getattr(error, "reason", error)
    return cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else ""
