"""Calls through a real desk: another process with another database, over HTTP, killed in between.

Our clock judges, a message counts once, and nobody is silent who was never called.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from api.desks.telephony.gateway import HttpGateway
from api.desks.telephony.http import HEADERS, post
from api.flows import calling
from archive import canonical
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.note import Note
from archive.office import Office
from archive.tasks.service import Worker
from experts.draws import service as draws
from experts.draws.request import State
from experts.draws.service import Draw
from experts.draws.verify import is_valid, verify_transcript
from experts.invitations.calls import service as calls
from experts.invitations.calls.service import Taken
from experts.invitations.course.service import CALL_TASK, SETTLE_TASK
from experts.invitations.gateway import Order, OrderKind, is_signed, signature
from experts.invitations.names import open_name
from experts.invitations.queries import invitations
from tests.builders import STAFF
from tests.experts import world
from tests.support.servers import Server, Servers

SECRET = b"a secret of two sides, for tests only"
PEOPLE = {"accept": "91", "decline": "92", "silent": "93", "late": "94", "thrice": "95"}
PEOPLE |= {"contrary": "96", "lies late": "97", "lies early": "98", "called back": "99"}


def line(expert_id: str, who: str) -> str:
    return f"000{PEOPLE[who]}{int(expert_id[1:]):06d}"


@dataclass
class Ours:
    """Our side: an office, its worker, and an address for replies that is ours as well."""

    office: Office
    taken: list[str] = field(default_factory=list)
    refuse: bool = False

    def lines(self, who: Callable[[str], str]) -> None:
        with self.office.write() as tx:
            numbers = {e.id: line(e.id, who(e.id)) for e in world.make_pool()}
            calls.set_lines(tx, STAFF, numbers)

    def work(self, gateway: Any) -> int:
        handlers = {
            CALL_TASK: calls.call_task(gateway, calling.invitation_text),
            SETTLE_TASK: calls.settle_task,
        }
        return Worker(self.office, handlers, "test").run_all_due()

    def draw(self, draw_id: str) -> Draw:
        with self.office.read() as db:
            return draws.draw(db, draw_id)

    def answers(self, draw_id: str, round_number: int = 1) -> dict[str, str]:
        """Expert → answer in a round."""
        with self.office.read() as db:
            return {
                open_name(self.office.keeper, draw_id, item.leaf, item.name): item.answer
                for item in invitations(db, draw_id, round_number)
            }

    def actions(self, draw_id: str) -> list[str]:
        with self.office.read() as db:
            return [entry.action for entry in journal.entries(db, f"draw/{draw_id}")]


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Ours]:
    (tmp_path / "ours").mkdir()
    office = world.open_office(tmp_path / "ours")
    yield Ours(office)
    office.connections.dispose()


@pytest.fixture
def replies_url(ours: Ours) -> Iterator[str]:
    """Our address for replies, served as the route serves it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            message, stamp, given = (self.headers.get(name, "") for name in HEADERS)
            if ours.refuse:
                self.send_response(503)
                self.end_headers()
                return
            with ours.office.write() as tx:
                taken = calling.take_replies(tx, SECRET, message, stamp, given, body)
            ours.taken += [one.value for one in taken]
            answer = json.dumps({"taken": taken}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/replies"
    server.shutdown()
    server.server_close()


@dataclass
class Desk:
    """The desk's process."""

    run_server: Servers
    folder: Path
    replies_url: str
    server: Server | None = None

    def start(self) -> None:
        key = self.folder / "shared.key"
        key.write_bytes(SECRET)
        words = ["desk", "telephony", "--data", str(self.folder / "desk"), "--key", str(key)]
        words += ["--replies", self.replies_url, "--driven"]
        port = self.server.port if self.server else None
        self.server = self.run_server(*words, ready="/health", port=port)

    @property
    def gateway(self) -> HttpGateway:
        assert self.server is not None
        return HttpGateway(f"{self.server.url}/orders", SECRET)

    def advance(self, office: Office) -> None:
        assert self.server is not None
        now = office.clock.now().isoformat()
        post(f"{self.server.url}/clock", SECRET, "clock", canonical.encode({"now": now}))

    def health(self) -> dict[str, int]:
        assert self.server is not None
        with urllib.request.urlopen(f"{self.server.url}/health", timeout=5) as answer:
            found: dict[str, int] = json.loads(answer.read())
        return found


@pytest.fixture
def desk(run_server: Servers, tmp_path: Path, replies_url: str) -> Desk:
    made = Desk(run_server, tmp_path, replies_url)
    made.start()
    return made


class TestThroughTheDesk:
    """One process calls, another judges."""

    def test_a_committee_is_called_together(self, ours: Ours, desk: Desk) -> None:
        """Some decline, are silent, late, reported thrice, contradict themselves or are lied about;
        the seats go to the lowest ranks that accepted in time, and the verifier agrees."""
        kinds = ["accept", "decline", "silent", "late", "thrice", "contrary", "lies late"]
        kinds += ["lies early", "called back", "accept", "accept"]
        who = {e.id: kinds[int(e.id[1:]) % len(kinds)] for e in world.make_pool()}
        ours.lines(who.__getitem__)
        draw = world.perform(ours.office)
        for _ in range(60):
            ours.work(desk.gateway)
            world.forward(ours.office, minutes=4)
            desk.advance(ours.office)
            ours.work(desk.gateway)
            if ours.draw(draw.id).state is not State.INVITING:
                break
        assert ours.draw(draw.id).state is State.SEATED
        with ours.office.read() as db:
            sitting = {member.expert_id for member in draws.committee(db, draw.id)}
            assert is_valid(verify_transcript(draws.transcript(db, draw.id)))
        came = {"accept", "thrice", "contrary", "lies early", "called back"}
        assert {who[expert_id] for expert_id in sitting} <= came
        for number in range(1, ours.draw(draw.id).round + 1):
            for expert_id, answer in ours.answers(draw.id, number).items():
                wanted = "YES" if who[expert_id] in came else "SILENT"
                assert answer == ("NO" if who[expert_id] == "decline" else wanted), who[expert_id]
        assert set(ours.taken) >= {"taken"}

    def test_our_clock_judges_not_theirs(self, ours: Ours, desk: Desk) -> None:
        ours.lines(lambda expert_id: "lies late" if int(expert_id[1:]) % 2 else "lies early")
        draw = world.perform(ours.office)
        ours.work(desk.gateway)
        world.forward(ours.office, minutes=1)
        desk.advance(ours.office)
        early = ours.answers(draw.id)
        assert {early[e] for e in early if int(e[1:]) % 2 == 0} == {"YES"}
        assert {early[e] for e in early if int(e[1:]) % 2} == {""}
        world.forward(ours.office, minutes=60)
        desk.advance(ours.office)  # before anybody has settled: the claim alone would do it
        assert "late" in ours.taken
        assert ours.answers(draw.id) == early

    def test_killed_in_the_middle_it_forgets_nothing(self, ours: Ours, desk: Desk) -> None:
        ours.lines(lambda _: "accept")
        draw = world.perform(ours.office)
        ours.work(desk.gateway)
        ordered = desk.health()["orders"]
        assert ordered > 5
        assert desk.server is not None
        desk.server.kill()
        with pytest.raises(Refusal) as caught:
            desk.advance(ours.office)
        assert caught.value.kind is Kind.UNAVAILABLE
        desk.start()
        assert desk.health()["orders"] == ordered
        ours.refuse = True
        world.forward(ours.office, minutes=1)
        with pytest.raises(Refusal):
            desk.advance(ours.office)
        assert set(ours.answers(draw.id).values()) == {""}
        desk.server.kill()  # with reports that nobody has taken
        ours.refuse = False
        desk.start()
        desk.advance(ours.office)
        assert set(ours.answers(draw.id).values()) == {"YES"}
        ours.work(desk.gateway)
        assert ours.draw(draw.id).state is State.SEATED

    def test_reported_twice_after_a_kill_counts_once(self, ours: Ours, desk: Desk) -> None:
        """At least once: the desk dies after we have taken its message, and says it again."""
        ours.lines(lambda _: "thrice")
        draw = world.perform(ours.office)
        ours.work(desk.gateway)
        world.forward(ours.office, minutes=2)
        desk.advance(ours.office)
        assert set(ours.taken) == {"taken", "known"}
        assert ours.taken.count("known") == 2 * ours.taken.count("taken")
        answered = ours.actions(draw.id).count("experts:invitation:answered")
        assert answered == ours.taken.count("taken")

    def test_a_desk_that_is_down_makes_nobody_silent(self, ours: Ours, desk: Desk) -> None:
        """The deadline moves on the record, and the verifier follows it."""
        ours.lines(lambda _: "accept")
        draw = world.perform(ours.office)
        until = draw.answers_until
        assert desk.server is not None
        desk.server.kill()
        gateway = desk.gateway
        for _ in range(31):
            ours.work(gateway)
            world.forward(ours.office, minutes=1)
        now = ours.draw(draw.id)
        assert now.state is State.INVITING
        assert now.round == 1
        assert until is not None
        assert now.answers_until is not None
        assert now.answers_until > until
        assert ours.actions(draw.id).count("experts:calls:not_taken") == 1
        assert ours.actions(draw.id).count("experts:draw:extended") == 1
        desk.start()
        ours.work(desk.gateway)
        world.forward(ours.office, minutes=1)
        desk.advance(ours.office)
        ours.work(desk.gateway)
        assert ours.draw(draw.id).state is State.SEATED
        with ours.office.read() as db:
            assert is_valid(verify_transcript(draws.transcript(db, draw.id)))

    def test_down_for_good_ends_too(self, ours: Ours) -> None:
        """At most three times: then the round is settled, and the record shows how it came."""

        class Down:
            def place(self, orders: list[Order]) -> None:
                raise Refusal("experts.gateway.unavailable", {}, Kind.UNAVAILABLE)

        ours.lines(lambda _: "accept")
        draw = world.perform(ours.office)
        for _ in range(4 * 31):
            ours.work(Down())
            world.forward(ours.office, minutes=1)
        assert ours.draw(draw.id).round == 2
        assert ours.actions(draw.id).count("experts:draw:extended") >= 3

    def test_the_desk_learns_time_and_area_only(self, ours: Ours, desk: Desk) -> None:
        ours.lines(lambda _: "accept")
        draw = world.perform(ours.office)
        ours.work(desk.gateway)
        book = b"".join(path.read_bytes() for path in (desk.folder / "desk").iterdir())
        assert "云南省".encode() in book
        with ours.office.read() as db:
            told = draws.invited(db, draw.id)
            named = [e.name for e in world.make_pool()]
        for secret in [draw.id, draw.lot_id, world.TENDERER, *[i.expert_id for i in told], *named]:
            assert secret.encode() not in book

    def test_orders_want_a_signature(self, desk: Desk) -> None:
        assert desk.server is not None
        with pytest.raises(Refusal):
            post(f"{desk.server.url}/orders", b"another secret", "x", b"{}")
        assert desk.health()["orders"] == 0


class TestReplies:
    """What our side takes, without a desk."""

    @pytest.fixture
    def asked(self, ours: Ours) -> tuple[Draw, list[Order]]:
        orders: list[Order] = []

        class Ear:
            def place(self, said: list[Order]) -> None:
                orders.extend(said)

        ours.lines(lambda _: "accept")
        draw = world.perform(ours.office)
        ours.work(Ear())
        assert len(orders) == len(ours.answers(draw.id))
        return draw, orders

    def send(self, ours: Ours, *replies: tuple[str, str], sign: bytes = SECRET) -> list[str]:
        said = [{"order": order, "said": what, "at": "1999"} for order, what in replies]
        body = canonical.encode({"format": "bigloop.call-replies.v1", "replies": said})
        given = signature(sign, "m", "0", body)
        with ours.office.write() as tx:
            return [t.value for t in calling.take_replies(tx, SECRET, "m", "0", given, body)]

    def test_the_signature_is_that_of_standard_webhooks(self) -> None:
        """The example of the specification (secret `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`)."""
        secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        body = b'{"test": 2432232314}'
        made = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
        assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        assert is_signed(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body, f"v1,x {made}")

    def test_unsigned_or_signed_by_another_is_refused(
        self, ours: Ours, asked: tuple[Draw, list[Order]]
    ) -> None:
        draw, orders = asked
        with pytest.raises(Refusal) as caught:
            self.send(ours, (orders[0].id, "ACCEPT"), sign=b"x" * 32)
        assert caught.value.code == "experts.reply.signature"
        assert set(ours.answers(draw.id).values()) == {""}

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{}",
            b'{"format":"bigloop.call-replies.v1","replies":[]}',
            b'{"format":"bigloop.call-replies.v1","replies":[{"at":"","order":"a","said":"MAYBE"}]}',
            b'{"format":"bigloop.call-replies.v1","replies":[{"at":1,"order":"a","said":"ACCEPT"}]}',
            b'{"format":"bigloop.call-replies.v1","replies":{"a":1}}',
        ],
    )
    def test_another_form_is_refused(self, ours: Ours, body: bytes) -> None:
        given = signature(SECRET, "m", "0", body)
        with pytest.raises(Refusal) as caught, ours.office.write() as tx:
            calling.take_replies(tx, SECRET, "m", "0", given, body)
        assert caught.value.code == "experts.reply.form"

    def test_replayed_out_of_order_and_contradicted(
        self, ours: Ours, asked: tuple[Draw, list[Order]]
    ) -> None:
        draw, orders = asked
        first, second = orders[0].id, orders[1].id
        assert self.send(ours, (first, "ACCEPT"), (second, "DECLINE")) == ["taken", "taken"]
        before = ours.answers(draw.id)
        size = len(ours.actions(draw.id))
        assert self.send(ours, (first, "ACCEPT"), (second, "DECLINE")) == ["known", "known"]
        assert len(ours.actions(draw.id)) == size, "a replay leaves nothing"
        assert self.send(ours, (first, "NO_ANSWER")) == ["noted"]
        assert self.send(ours, (first, "DECLINE")) == ["contradicted"]
        assert self.send(ours, ("f" * 32, "ACCEPT")) == ["unknown"]
        assert ours.answers(draw.id) == before
        assert ours.actions(draw.id)[-1] == "experts:reply:contradicted"
        with ours.office.read() as db:
            (doubt,) = calls.doubts(db, draw.id)
        assert (doubt.what, doubt.round, doubt.order) == (Taken.CONTRADICTED, 1, first)

    def test_what_was_said_in_the_application_stands(
        self, ours: Ours, asked: tuple[Draw, list[Order]]
    ) -> None:
        draw, orders = asked
        with ours.office.read() as db:
            own = draws.invited(db, draw.id)
        for one in own:
            with ours.office.write() as tx:
                draws.answer(tx, world.SYSTEM, draw.id, one.expert_id, accepted=False)
        found = self.send(ours, *[(order.id, "ACCEPT") for order in orders])
        assert set(found) == {"contradicted"}
        assert set(ours.answers(draw.id).values()) == {"NO"}

    def test_a_reply_to_an_earlier_round_is_late(
        self, ours: Ours, asked: tuple[Draw, list[Order]]
    ) -> None:
        draw, orders = asked
        world.forward(ours.office, minutes=31)
        with ours.office.write() as tx:
            assert draws.settle(tx, STAFF, draw.id).round == 2
        assert self.send(ours, (orders[0].id, "ACCEPT")) == ["late"]
        assert set(ours.answers(draw.id, 1).values()) == {"SILENT"}
        assert self.send(ours, (orders[0].id, "ACCEPT")) == ["known"]

    def test_who_is_engaged_elsewhere_has_declined(
        self, ours: Ours, asked: tuple[Draw, list[Order]]
    ) -> None:
        """expert.evaluations_apart_hours."""
        draw, _ = asked
        with ours.office.read() as db:
            invited = [one.expert_id for one in draws.invited(db, draw.id)]
        for expert_id in invited:
            with ours.office.write() as tx:
                draws.answer(tx, world.SYSTEM, draw.id, expert_id, accepted=True)
        with ours.office.write() as tx:
            draws.settle(tx, STAFF, draw.id)
        with ours.office.read() as db:
            mine = {member.expert_id for member in draws.committee(db, draw.id)}
        orders: list[Order] = []

        class Ear:
            def place(self, said: list[Order]) -> None:
                orders[:] = said

        other, both = draw, set[str]()
        for number in range(2, 30):
            asked_too = world.make_request(f"lot-{number}")
            other = world.perform(ours.office, asked_too)
            ours.work(Ear())
            with ours.office.read() as db:
                both = mine & {one.expert_id for one in draws.invited(db, other.id)}
            if both:
                break
        assert both, "somebody is called for two draws"
        self.send(ours, *[(order.id, "ACCEPT") for order in orders])
        said = ours.answers(other.id)
        assert {said[e] for e in both} == {"NO"}

    def test_answers_are_signed_and_their_seals_open(
        self, ours: Ours, asked: tuple[Draw, list[Order]]
    ) -> None:
        draw, orders = asked
        self.send(ours, *[(order.id, "ACCEPT") for order in orders])
        ours.work(None)
        with ours.office.read() as db:
            sealed = {
                entry.data["sealed"]
                for entry in journal.entries(db, f"draw/{draw.id}")
                if entry.action == "experts:invitation:answered"
            }
        with ours.office.write() as tx:
            draws.close_draw(tx, STAFF, draw.id)
        with ours.office.read() as db:
            closed = next(
                entry
                for entry in journal.entries(db, f"draw/{draw.id}")
                if entry.action == "experts:draw:closed"
            )
        (document,) = [d for d in closed.documents if d.name.startswith("draw-answers")]
        told = canonical.decode(ours.office.vault.get(document.sha256))
        assert {one["seal"] for one in told} == sealed
        assert len(sealed) == len(orders)
        for one in told:
            made = sha256(bytes.fromhex(one["salt"]) + one["note"].encode()).hexdigest()
            assert made == one["seal"]
            note = Note.parse(one["note"].encode())
            assert note.verified_by([ours.office.log.verifier])
            said = json.loads(note.text)
            assert (said["draw"], said["channel"], said["accepted"]) == (draw.id, "phone", True)
            assert len(said["evidence"]) == 64


def test_a_message_comes_by_the_route(client: Any) -> None:
    """The address is open to everybody and takes nothing without a signature."""
    answer = client.post("/api/telephony/replies", content=b"{}")
    assert answer.status_code in (403, 415)
    answer = client.post(
        "/api/telephony/replies", content=b"{}", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 403
    assert answer.json()["code"] == "experts.reply.signature"


def test_the_desk_keeps_time_itself(
    run_server: Servers, ours: Ours, replies_url: str, tmp_path: Path
) -> None:
    """Not driven, it reports by the host's clock and tries again what was not taken."""
    key = tmp_path / "shared.key"
    key.write_bytes(SECRET)
    words = ["desk", "telephony", "--data", str(tmp_path / "d"), "--key", str(key)]
    server = run_server(*words, "--replies", replies_url, ready="/health")
    order = Order(
        "a" * 32,
        OrderKind.CALL,
        "00091000001",
        "text",
        ours.office.clock.now(),
        ours.office.clock.now() + timedelta(minutes=30),
    )
    HttpGateway(f"{server.url}/orders", SECRET).place([order])
    deadline = time.monotonic() + 30
    while not ours.taken and time.monotonic() < deadline:
        time.sleep(0.1)
    assert ours.taken == [Taken.UNKNOWN.value]
