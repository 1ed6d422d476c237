"""People of the demonstration at their own computers: what they send, and what was acknowledged.

They know the server by its address alone and act through HTTP and the witness socket, as fast as it
answers, until it is gone. Every acknowledgement is noted the moment it arrives; what was sent and not
answered may or may not have been done.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from api.demo.doors import PASSWORD
from archive import sealing
from archive.clock import SHANGHAI
from archive.entropy import SystemEntropy
from evaluation.session.synthetic import method_json
from evaluation.witness.protocol import Hello, encode_frame
from tests.support.servers import Server
from trading.lodging.bid import BID, Bid
from trading.money import Money

ACCOUNTS = ("staff", "supervisor", "department", "bidder", "tenderer", "expert")
LATE = "expert"
"""There is an account for him once committees are drawn."""
PAUSE_SECONDS = 0.1
"""Between two acts of one person."""
LODGING = 4
"""How many lodge at once."""
OPENING_AFTER = timedelta(days=90)
"""Later than the last act of the demo's own people."""
GONE = (httpx2.TransportError, OSError)


@dataclass
class Facts:
    """What was acknowledged."""

    cookies: dict[str, str] = field(default_factory=dict)
    """By account: the sign-ins."""
    projects: dict[str, str] = field(default_factory=dict)
    """Project → its lot."""
    notices: dict[str, str] = field(default_factory=dict)
    """Lot → when it will be opened."""
    cells: dict[str, str] = field(default_factory=dict)
    """Digest of a lodged cell → the receipt."""
    objections: dict[str, str] = field(default_factory=dict)
    """Objection → its lot."""
    answers: dict[str, str] = field(default_factory=dict)
    events: dict[str, dict[int, str]] = field(default_factory=dict)
    """Session → number of the entry → the mark of the witness event."""
    clock: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    """The latest legal time that anybody saw."""

    def counts(self) -> Counter[str]:
        kinds = ("cookies", "projects", "notices", "cells", "objections", "answers")
        found = Counter({kind: len(getattr(self, kind)) for kind in kinds})
        found["events"] = sum(map(len, self.events.values()))
        return found


def documented(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@dataclass
class People:
    """The demo's accounts at one server."""

    server: Server
    facts: Facts
    _stop: threading.Event = field(default_factory=threading.Event)
    _telling: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._clients = {
            account: httpx2.Client(base_url=self.server.url, timeout=30, trust_env=False)
            for account in ACCOUNTS
        }

    def sign_in(self) -> None:
        """With the printed password; a sign-in that was acknowledged before still holds."""
        for account, client in self._clients.items():
            if account in self.facts.cookies:
                client.headers["Cookie"] = self.facts.cookies[account]
                assert client.get("/api/me").json()["account"] == account
                continue
            answer = client.post("/api/sign-in", json={"account": account, "password": PASSWORD})
            if account == LATE and answer.status_code in (403, 429):
                continue
            assert answer.status_code == 200, answer.text
            cookie = answer.headers["set-cookie"].partition(";")[0]
            client.cookies.clear()
            client.headers["Cookie"] = self.facts.cookies[account] = cookie

    def get(self, account: str, path: str, **query: Any) -> Any:
        answer = self._clients[account].get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, account: str, path: str, body: Any) -> Any:
        answer = self._clients[account].post(path, json=body)
        assert answer.status_code == 201, f"{path}: {answer.text}"
        return answer.json()

    def now(self) -> datetime:
        """Legal time; it never goes back."""
        seen = self.facts.clock
        found = datetime.fromisoformat(self.get("staff", "/api/clock")["now"])
        assert found >= seen, f"legal time went back from {seen} to {found}"
        with self._telling:
            self.facts.clock = max(found, self.facts.clock)
        return found

    # --- At work ------------------------------------------------------------------------

    def begin(self) -> None:
        """Work until the server is gone or `end`."""
        for work in (self._take_in, self._watch, *[self._lodge] * LODGING):
            thread = threading.Thread(target=self._until_gone, args=(work,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def end(self) -> None:
        """Stop, and raise what somebody met that was not the server's end."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        for client in self._clients.values():
            client.close()
        for failure in self.failures:
            raise failure

    def _until_gone(self, work: Callable[[], None]) -> None:
        try:
            while not self._stop.is_set():
                work()
                self._stop.wait(PAUSE_SECONDS)
        except GONE as gone:
            if self.server.process.poll() is None and not self._stop.wait(1):
                self.failures.append(gone)
        except Exception as failure:
            self.failures.append(failure)

    def _take_in(self) -> None:
        """Staff take a project in and publish its notice; a bidder objects to its file; the tenderer
        answers."""
        lot = self._register(self.now())
        self._publish(lot)
        objection = self.send(
            "bidder",
            "/api/objections",
            {"lot": lot, "stage": "FILE", "document": documented(f"异议(示例){lot}")},
        )
        self.facts.objections[objection["id"]] = lot
        self.send(
            "tenderer",
            f"/api/objections/{objection['id']}/answer",
            {"outcome": "REJECTED", "document": documented("答复(示例)")},
        )
        self.facts.answers[objection["id"]] = lot

    def _lodge(self) -> None:
        """The bidder lodges for a lot that is open. A receipt takes a tick, so several of his
        people do it at once."""
        lots = list(self.facts.notices)
        if lots:
            digest, cell = self._cell(lots[-1], version=len(self.facts.cells) + 1)
            answer = self.send("bidder", "/api/lodgings", {"lot": lots[-1], "cell": cell})
            self.facts.cells[digest] = answer["receipt"]

    def _publish(self, lot: str) -> None:
        while True:
            issued = self.now()
            opening = issued + OPENING_AFTER
            body = {
                "issued_at": issued.isoformat(),
                "opening_at": opening.isoformat(),
                "evaluation_at": (opening + timedelta(hours=2)).isoformat(),
                "document": documented(f"招标公告(示例){lot}"),
            }
            answer = self._clients["staff"].post(f"/api/lots/{lot}/notice", json=body)
            if answer.status_code == 201:
                self.facts.notices[lot] = opening.isoformat()
                return
            # Before its day the demo jumps, and midnight may pass between two requests.
            faults = [fault["code"] for fault in answer.json().get("faults", ())]
            assert faults == ["trading.notice.backdated"], answer.text

    def _register(self, now: datetime) -> str:
        staff, tenderer = self.get("staff", "/api/me"), self.get("tenderer", "/api/me")
        today = now.astimezone(SHANGHAI).date()
        supervisor = self.get("department", "/api/me")["party_id"]
        mark = f"{len(self.facts.projects):04d}-{SystemEntropy().bytes(3).hex()}"
        body = {
            "name": f"示例项目{mark}",
            "regime": "ZTB",
            "kind": "WORKS",
            "division_code": staff["centre_id"],
            "centre_id": staff["centre_id"],
            "tenderer_uscc": tenderer["party_id"],
            "supervisor_uscc": supervisor,
            "government_invested": True,
            "fair_review": {
                "reviewer_uscc": supervisor,
                "reviewed_on": today.isoformat(),
                "conclusion": "FITS",
                "document": documented("审查结论(示例)"),
            },
            "order_notice": today.isoformat(),
            "lots": [lot_body(f"示例标段{mark}")],
        }
        project = self.send("staff", "/api/projects", body)
        lot: str = project["lots"][0]["id"]
        self.facts.projects[project["id"]] = lot
        return lot

    def _cell(self, lot: str, version: int) -> tuple[str, str]:
        """What a bidder's own program does: ask for the key and seal."""
        key = self._clients["bidder"].post("/api/lots/key", json={"lot": lot}).json()
        bidder = self.get("bidder", "/api/me")["party_id"]
        bid = Bid(lot, bidder, Money.yuan(4_500_000 + version), 120, "合格")
        made = sealing.seal(
            bytes.fromhex(key["public_key"]),
            key["subject"],
            BID,
            bidder,
            version,
            bid.to_bytes(),
            SystemEntropy(),
        )
        return hashlib.sha256(made.cell).hexdigest(), base64.b64encode(made.cell).decode()

    def _watch(self) -> None:
        """The supervisor reports notes to every session that is open, over the witness socket."""
        self.now()
        for session in self.get("supervisor", "/api/sessions"):
            if session["stage"] not in ("CLOSED", "VOID", "FAILED"):
                self._report(session["id"])

    def _report(self, session: str) -> None:
        url = f"{self.server.url.replace('http', 'ws')}/live/sessions/{session}"
        head = {"Cookie": self.facts.cookies["supervisor"]}
        try:
            with connect(url, additional_headers=head, proxy=None) as socket:
                socket.send(encode_frame(Hello(session)))
                for _ in range(20):
                    mark = SystemEntropy().bytes(32).hex()
                    event = {"type": "event", "id": mark, "kind": "note", "data": {"sha256": mark}}
                    socket.send(json.dumps(event))
                    number = self._number(socket, mark)
                    if number is None:
                        return
                    self.facts.events.setdefault(session, {})[number] = mark
                    if self._stop.wait(PAUSE_SECONDS):
                        return
        except (ConnectionClosed, InvalidHandshake) as gone:
            raise ConnectionError(str(gone)) from gone

    def _number(self, socket: Any, mark: str) -> int | None:
        """Wait for the answer to this event among the frames: the number of its entry, or None
        where the session has ended."""
        while True:
            frame = json.loads(socket.recv(timeout=30))
            if frame.get("id") != mark:
                continue
            if frame["type"] == "ack":
                return int(frame["seq"])
            assert frame["problem"]["code"] == "evaluation.witness.session_over", frame
            return None


def lot_body(name: str, **changes: Any) -> dict[str, Any]:
    """A lot as the interface takes it."""
    return {
        "name": name,
        "estimate": 500_000_000,
        "price_ceiling": 480_000_000,
        "deposit_charged": 5_000_000,
        "committee": {"quotas": {"A0802": 3, "A0601": 1}, "representatives": 1},
        "bid_validity_days": 90,
        "method": method_json(b"1"),
        **changes,
    }
