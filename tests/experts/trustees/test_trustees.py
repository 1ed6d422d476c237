"""The trustees' register, and a trustee's own command with its memory of what it answered."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from api import cli
from archive.actor import Actor
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Office
from experts.trustees import service as trustees
from experts.trustees.answering import objection, question_of
from experts.trustees.synthetic import SyntheticTrustee
from experts.trustees.trustee import Trustee
from experts.vrf.verify import verified_output
from tests.builders import STAFF, START
from tests.experts.world import PROVINCE_STAFF, PROVINCE_SUPERVISOR, SUPERVISOR, TRUSTEES

NEW = SyntheticTrustee("new-one", "示例新受托人", bytes(range(32)))


def enter(office: Office, actor: Actor = PROVINCE_STAFF, **changes: Any) -> Trustee:
    values: dict[str, Any] = {
        "trustee_id": NEW.id,
        "name": NEW.name,
        "key": NEW.key,
        "possession": NEW.possession,
        "valid_from": START,
        "valid_until": START + timedelta(days=365),
    }
    with office.write() as tx:
        return trustees.register_trustee(tx, actor, **{**values, **changes})


def confirm(office: Office, actor: Actor = PROVINCE_SUPERVISOR) -> Trustee:
    with office.write() as tx:
        return trustees.confirm_trustee(tx, actor, NEW.id)


def refused(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value


class TestRegister:
    def test_two_persons_put_a_key_on_the_register(self, office: Office) -> None:
        assert not enter(office).serves(START)
        one_for_both = replace(PROVINCE_SUPERVISOR, id=PROVINCE_STAFF.id)
        assert refused(lambda: confirm(office, one_for_both)).code == "archive.actor.two_persons"
        assert confirm(office).serves(START)
        assert refused(lambda: confirm(office)).kind is Kind.CONFLICT
        with office.read() as db:
            entries = list(journal.entries(db, trustees.STREAM))[-2:]
        assert [entry.action.split(":")[-1] for entry in entries] == ["registered", "confirmed"]
        assert entries[0].data["key"] == NEW.key
        assert "示例" not in json.dumps([entry.data for entry in entries], ensure_ascii=False)

    def test_by_the_province_alone(self, office: Office) -> None:
        local = replace(PROVINCE_STAFF, centre_id="532901")
        assert refused(lambda: enter(office, local)).code == "experts.trustee.province"
        assert refused(lambda: enter(office, STAFF)).code == "archive.actor.role"
        assert refused(lambda: enter(office, PROVINCE_SUPERVISOR)).code == "archive.actor.role"
        enter(office)
        assert refused(lambda: confirm(office, SUPERVISOR)).code == "experts.trustee.province"

    def test_every_fault_is_named(self, office: Office) -> None:
        wrong: dict[str, Any] = {
            "trustee_id": "-A",
            "name": " ",
            "key": "xyz",
            "valid_until": START,
        }
        found = refused(lambda: enter(office, **wrong))
        assert {fault.pointer for fault in found.faults} == {"/id", "/name", "/key", "/valid_until"}

    @pytest.mark.parametrize(
        "changes",
        [
            {"key": TRUSTEES[0].key},
            {"trustee_id": "new-two"},
            {"possession": TRUSTEES[0].possession},
            {"key": "01" + "00" * 31},
        ],
        ids=["another's key", "made for another id", "another's proof", "small order"],
    )
    def test_the_holder_must_have_the_key(self, office: Office, changes: dict[str, Any]) -> None:
        found = refused(lambda: enter(office, **changes))
        assert [fault.code for fault in found.faults] == ["experts.trustee.possession"]

    def test_a_key_or_an_id_is_entered_once(self, office: Office) -> None:
        enter(office)
        assert refused(lambda: enter(office)).code == "experts.trustee.taken"
        twin = replace(NEW, id="new-two")
        found = refused(lambda: enter(office, trustee_id=twin.id, possession=twin.possession))
        assert found.code == "experts.trustee.taken"

    def test_serves_within_its_validity_until_revoked(self, office: Office) -> None:
        enter(office)
        made = confirm(office)
        until = made.valid_until
        assert [made.serves(at) for at in (START, until - timedelta(seconds=1), until)] == [
            True,
            True,
            False,
        ]
        assert not made.serves(START - timedelta(seconds=1))
        with office.write() as tx:
            gone = trustees.revoke_trustee(tx, PROVINCE_STAFF, NEW.id, "key lost")
        assert not gone.serves(START)
        with office.read() as db:
            assert NEW.id not in {one.id for one in trustees.serving(db, START)}


def question(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "format": "bigloop.draw-asking.v1",
        "draw_id": "d1",
        "centre_id": "532901",
        "register_number": 7,
        "predecessor": "a" * 64,
        "request_hash": "b" * 64,
        "number": 1,
        "public_value": "",
        "trustees": [{"id": NEW.id, "key": NEW.key, "has_answered": False}],
    }
    return {**values, **changes}


class TestCommand:
    """`bigloop trustee` on a machine with nothing but the package: a key, a file, an answer."""

    def run(self, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
        code = cli.main(["trustee", *words, "--lang", "en"])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else None, said.err

    def answer(
        self, folder: Path, capsys: pytest.CaptureFixture[str], **changes: Any
    ) -> tuple[int, Any, str]:
        key = folder / "trustee.key"
        if not key.exists():
            key.write_bytes(NEW.secret)
        asked = folder / "asked.json"
        asked.write_text(json.dumps(question(**changes)))
        return self.run(capsys, "answer", str(key), "--id", NEW.id, str(asked))

    def test_makes_a_key_once_for_its_owner_alone(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "trustee.key"
        first = self.run(capsys, "key", str(path), "--id", "notary-2026")
        assert first == self.run(capsys, "key", str(path), "--id", "notary-2026")
        code, said, _ = first
        assert code == 0
        assert path.stat().st_mode & 0o077 == 0
        alpha = b"bigloop.trustee.v1\0notary-2026"
        verified_output(bytes.fromhex(said["key"]), alpha, bytes.fromhex(said["possession"]))

    def test_answers_and_remembers(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, said, _ = self.answer(tmp_path, capsys)
        assert code == 0
        assert bytes.fromhex(said["proof"]) == NEW.answer("b" * 64, 1)
        assert self.answer(tmp_path, capsys)[1] == said
        lines = (tmp_path / "trustee.key.answers").read_text().splitlines()
        assert len(lines) == 1
        assert json.loads(lines[0])["request"] == "b" * 64

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            (None, "没有文件"),
            (b"{", "内容不是抽取的问题"),
            (b"\xff\xfe\x00", "内容不是抽取的问题"),
            (b'{"format": "bigloop.draw-asking.v1"}', "内容不是抽取的问题"),
        ],
    )
    def test_what_cannot_be_answered_is_said_in_words(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: bytes | None, said: str
    ) -> None:
        key, path = tmp_path / "trustee.key", tmp_path / "asked.json"
        key.write_bytes(NEW.secret)
        if asked is not None:
            path.write_bytes(asked)
        assert cli.main(["trustee", "answer", str(key), "--id", NEW.id, str(path)]) == 2
        assert said in capsys.readouterr().err

    @pytest.mark.server
    def test_asks_and_answers_by_address(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With `--send`: the question is read from the platform, the proof brought to it."""
        received: list[tuple[str, Any]] = []

        class Platform(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.say(question())

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                received.append((self.path, json.loads(self.rfile.read(size))))
                self.say({})

            def say(self, value: Any) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(value).encode())

            def log_message(self, *args: Any) -> None:
                pass

        (tmp_path / "trustee.key").write_bytes(NEW.secret)
        with ThreadingHTTPServer(("127.0.0.1", 0), Platform) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"http://127.0.0.1:{server.server_port}/api/draws/d1/asking"
            key = str(tmp_path / "trustee.key")
            code, said, _ = self.run(capsys, "answer", key, "--id", NEW.id, address, "--send")
            server.shutdown()
        assert code == 0
        assert received == [("/api/draws/d1/outputs", said)]
        assert bytes.fromhex(said["proof"]) == NEW.answer("b" * 64, 1)

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"request_hash": "c" * 64}, "second_request"),
            ({"public_value": "another"}, "second_value"),
            ({"register_number": 8, "request_hash": "c" * 64}, "other_predecessor"),
            ({"trustees": []}, "not_asked"),
            ({"trustees": [{"id": NEW.id, "key": TRUSTEES[0].key}]}, "not_asked"),
        ],
    )
    def test_does_not_answer_twice_for_one_number(
        self,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        changes: dict[str, Any],
        code: str,
    ) -> None:
        """A prepared second request, a chosen public value, a register that was written anew."""
        self.answer(tmp_path, capsys)
        exit_code, said, _ = self.answer(tmp_path, capsys, **changes)
        assert (exit_code, said) == (1, None)
        lines = (tmp_path / "trustee.key.answers").read_text().splitlines()
        found = objection(
            question_of(question(**changes)), NEW.id, NEW.key, [json.loads(line) for line in lines]
        )
        assert found is not None
        assert found.code == f"experts.trustee.{code}"

    def test_answers_the_next_asking_and_the_next_number(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.answer(tmp_path, capsys)
        assert self.answer(tmp_path, capsys, number=2)[0] == 0
        following = {"register_number": 8, "predecessor": "b" * 64, "request_hash": "c" * 64}
        assert self.answer(tmp_path, capsys, **following)[0] == 0
        assert self.answer(tmp_path, capsys, centre_id="530101", request_hash="d" * 64)[0] == 0

    @pytest.mark.parametrize(
        "changes",
        [{"format": "x"}, {"request_hash": "B" * 64}, {"number": 0}, {"trustees": None}],
    )
    def test_nonsense_is_not_answered(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any]
    ) -> None:
        code, said, complaint = self.answer(tmp_path, capsys, **changes)
        assert (code, said) == (2, None)
        assert complaint.startswith("bigloop: ")
        assert not (tmp_path / "trustee.key.answers").exists()
