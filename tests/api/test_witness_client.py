"""Following from a terminal: printed, checked, resumed; a broken promise is said and ends it."""

from __future__ import annotations

import errno
import json
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from websockets.sync.server import ServerConnection, serve

from api.cli import main
from api.commands import witness
from api.identity import service as identity
from api.identity.accounts import Account
from api.witness_client import (
    PAUSE_SECONDS,
    PAUSE_SECONDS_MAX,
    Cut,
    NotFollowed,
    WitnessClient,
    address_of,
    pause_after,
)
from archive.actor import SYSTEM, Role
from archive.errors import Refusal
from archive.journal.entry import Entry
from archive.office import Office
from evaluation.session import service as sessions
from evaluation.witness.follower import Follower
from evaluation.witness.protocol import EventFrame, Kept, Welcome, encode_frame
from tests.api.conftest import PASSWORD
from tests.builders import CENTRE, STAFF, START
from tests.evaluation.course import plan
from tests.evaluation.witness.test_protocol import LOG, marked, texts
from tests.support.serving import served as serving
from trading.identifiers import make_uscc
from trading.parties import service as parties
from trading.parties.party import Centre, Organisation, OrganisationKind


class TestAddresses:
    @pytest.mark.parametrize(
        ("url", "site", "socket"),
        [
            ("http://h:8/live/sessions/s1", "http://h:8", "ws://h:8/live/sessions/s1"),
            ("https://h/supervisor/sessions/s1/desk?x=1", "https://h", "wss://h/live/sessions/s1"),
            ("ws://h/api/sessions/s1", "http://h", "ws://h/live/sessions/s1"),
        ],
    )
    def test_any_page_of_a_session_will_do(self, url: str, site: str, socket: str) -> None:
        found = address_of(url)
        assert (found.site, found.socket, found.session) == (site, socket, "s1")

    @pytest.mark.parametrize(
        "url", ["", "s1", "http://h/", "ftp://h/sessions/s1", "http://h/lots/s1"]
    )
    def test_anything_else_is_refused(self, url: str) -> None:
        with pytest.raises(ValueError):
            address_of(url)

    @given(st.integers(0, 50), st.floats(0, 1, exclude_max=True))
    def test_pauses_are_drawn_from_a_span_that_grows_to_a_limit(
        self, tries: int, chance: float
    ) -> None:
        pause = pause_after(tries, chance)
        assert 0 <= pause <= min(PAUSE_SECONDS * 2**tries, PAUSE_SECONDS_MAX)
        assert pause_after(tries, 0) == 0
        assert pause_after(tries + 1, chance) >= pause


def cut_server(scripts: list[list[str]]) -> Any:
    """A server that says a script a connection, after the hello, and cuts; an empty script: it is busy."""
    hellos: list[Any] = []

    def handle(socket: ServerConnection) -> None:
        hellos.append(json.loads(socket.recv()))
        script = scripts[min(len(hellos), len(scripts)) - 1]
        for text in script:
            socket.send(text)
        socket.close(*((1012,) if script else (1013, "busy; retry=40")))

    server = serve(handle, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, hellos


class TestFollowing:
    def follow(self, scripts: list[list[str]], enough: int) -> tuple[list[Any], list[Any]]:
        server, hellos = cut_server(scripts)
        address = address_of("ws://127.0.0.1/sessions/s1")
        port = server.socket.getsockname()[1]
        address = replace(address, socket=f"ws://127.0.0.1:{port}/live/sessions/s1")
        client = WitnessClient(
            address, Follower("s1"), lambda: "c=1", lambda _: None, lambda *_: "t"
        )
        found: list[Any] = []
        try:
            for each in client.frames():
                found.append(each)
                if sum(isinstance(one, Entry) for one in found) >= enough:
                    return found, hellos
        finally:
            server.shutdown()
        raise AssertionError("it ends only by an error")

    def test_cuts_lose_and_double_nothing(self) -> None:
        welcome = encode_frame(Welcome("e", 6))
        scripts = [
            [welcome, *texts([0, 1]), marked(2)],
            [welcome],
            [welcome, *texts([2, 3, 4, 5])],
        ]
        found, hellos = self.follow(scripts, 6)
        assert [one.seq for one in found if isinstance(one, Entry)] == [0, 1, 2, 3, 4, 5]
        assert [hello["next"] for hello in hellos] == [0, 2, 2]
        cuts = [one.why.code for one in found if isinstance(one, Cut)]
        assert cuts == ["api.follow.stops", "api.follow.stops"]

    def test_that_nobody_keeps_the_watch_is_told_and_changes_nothing(self) -> None:
        unkept = encode_frame(Kept(17))
        scripts = [[encode_frame(Welcome("e", 2)), *texts([0]), unkept, *texts([1])]]
        found, _ = self.follow(scripts, 2)
        assert [type(one) for one in found] == [Entry, Kept, Entry]

    def test_an_appointment_is_kept(self) -> None:
        pauses: list[float] = []
        server, _ = cut_server([[]])
        address = replace(
            address_of("ws://127.0.0.1/sessions/s1"),
            socket=f"ws://127.0.0.1:{server.socket.getsockname()[1]}/live/sessions/s1",
        )
        client = WitnessClient(
            address, Follower("s1"), lambda: "c=1", pauses.append, lambda *_: "t"
        )
        cut = next(iter(client.frames()))
        server.shutdown()
        assert isinstance(cut, Cut)
        assert 40 <= cut.pause <= 44
        assert cut.why.code == "api.follow.busy"

    @pytest.mark.parametrize(
        "frames",
        [
            texts([1]),
            [*texts([0]), *texts([0])],
            [*texts([0]), encode_frame(EventFrame(1, LOG[0].body.decode()))],
            [*texts([0, 1]), marked(2).replace("log.test", "log.tesu")[:-5] + '=\\n"}'],
        ],
    )
    def test_a_broken_promise_is_refused_and_not_tried_again(self, frames: list[str]) -> None:
        with pytest.raises(Refusal):
            self.follow([[encode_frame(Welcome("e", 6)), *frames]], 6)


@pytest.fixture
def served(app: FastAPI, office: Office) -> Iterator[str]:
    with office.write() as tx:
        sessions.schedule(tx, STAFF, replace(plan(), id="s1"))
        own = Organisation(
            make_uscc("A1532901000000001"), "大理(示例)", OrganisationKind.OPERATOR, CENTRE
        )
        parties.register_organisation(tx, SYSTEM, own)
        place = Centre(CENTRE, "大理(示例)", CENTRE, own.uscc, 100.23, 25.6)
        parties.register_centres(tx, SYSTEM, [place])
        watch = Account("watch", frozenset({Role.SUPERVISOR}))
        identity.create_account(tx, SYSTEM, watch, PASSWORD)
    with serving(app) as url:
        yield url


class TestTheCommand:
    def run(self, url: str, *words: str) -> int:
        page = f"{url}/supervisor/sessions/s1"
        return main(["witness", "follow", page, "--account", "watch", "--once", *words])

    def test_prints_checks_and_goes_on_another_day(
        self,
        served: str,
        office: Office,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv(witness.PASSWORD, PASSWORD)
        state = str(tmp_path / "state.json")
        vkey = office.log.verifier.vkey
        assert self.run(served, "--state", state, "--log", vkey) == 0
        first = capsys.readouterr().out.splitlines()
        assert first[0].split()[0] == "0"
        assert "主场 大理(示例)" in first[0]
        assert first[-1].startswith("✓ 1 ")
        with office.write() as tx:
            tx.record("session/s1", "evaluation:witness:heartbeat", STAFF, {"station": "a", "n": 1})
        assert self.run(served, "--state", state, "--json") == 0
        (line,) = capsys.readouterr().out.splitlines()
        assert json.loads(line)["seq"] == 1
        kept = json.loads(Path(state).read_text())
        kept["epoch"] = "0123456789abcdef"
        Path(state).write_text(json.dumps(kept))
        assert self.run(served, "--state", state, "--lang", "en") == 1
        assert "does not continue" in capsys.readouterr().err

    def test_another_key_a_wrong_password_and_another_session(
        self, served: str, office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv(witness.PASSWORD, PASSWORD)
        other = replace(office.log.verifier, public_key=bytes(range(32)))
        assert self.run(served, "--log", other.vkey) == 1
        assert self.run(served, "--log", "no vkey") == 2
        assert main(["witness", "follow", f"{served}/sessions/s2", "--account", "watch"]) == 3
        monkeypatch.setenv(witness.PASSWORD, "wrong")
        assert self.run(served) == 3

    def test_a_full_disk_here(
        self,
        served: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """The last state that was written stays, nothing half is left, and the next run goes on from it."""
        monkeypatch.setenv(witness.PASSWORD, PASSWORD)
        state = tmp_path / "state.json"
        state.write_text(json.dumps(Follower("s1").state.to_json()))
        before = state.read_text()

        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as narrow:
            narrow.setattr(os, "fsync", full)
            assert self.run(served, "--state", str(state)) == 4
        assert "无法写入(No space left on device)" in capsys.readouterr().err
        assert [path.name for path in tmp_path.glob("state*")] == ["state.json"]
        assert state.read_text() == before
        assert self.run(served, "--state", str(state)) == 0

    def test_a_server_that_does_not_prove_who_it_is_gets_no_password(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A certificate of another name is somebody else's server: it is not tried again."""
        monkeypatch.setenv(witness.PASSWORD, PASSWORD)
        with serving_tls(tmp_path, "elsewhere.invalid") as url:
            assert self.run(url, "--lang", "en") == 3
        said = capsys.readouterr().err
        assert "certificate cannot be trusted" in said
        assert "no password was sent" in said


@contextmanager
def serving_tls(folder: Path, name: str) -> Iterator[str]:
    """A listening server with a certificate that it made for a name itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder(named, named, key.public_key(), 1, START, START + timedelta(9999))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        certificate.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_who_may_not_is_told_why_after_one_more_sign_in(served: str) -> None:
    asked: list[int] = []

    def cookie() -> str:
        asked.append(1)
        return "bigloop_session=made-up"

    address = address_of(f"{served}/sessions/s1")
    client = WitnessClient(address, Follower("s1"), cookie, sleep=lambda _: None)
    with pytest.raises(NotFollowed, match="登录"):
        list(client.frames())
    assert len(asked) == 2
