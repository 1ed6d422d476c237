"""The log's formats to the byte, held against what an outsider wrote from the C2SP texts."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from archive import add_checkpoint, merkle, tlog_tiles
from archive.cosignature import Cosigner, cosign, cosigned_by
from archive.errors import Reason
from archive.note import Checkpoint, MalformedNote, Note, Signer, parse_vkey
from archive.tlog_policy import MalformedPolicy, Policy, parse_policy
from archive.tlog_proof import MalformedProof, TlogProof
from tests.support import outsider

ORIGIN = "log.example/session/1"
LOG = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"L" * 32))
KEYS = {
    name: Ed25519PrivateKey.from_private_bytes(name.encode() * 16) for name in ("w1", "w2", "w3")
}
COSIGNERS = {
    name: Cosigner(name, key.public_key().public_bytes_raw()) for name, key in KEYS.items()
}


def entries(count: int) -> list[bytes]:
    return [f'{{"n":{n}}}'.encode() for n in range(count)]


def tree_of(count: int) -> merkle.Tree:
    return merkle.Tree([merkle.leaf_hash(entry) for entry in entries(count)])


def signed(count: int, *witnesses: str) -> str:
    text = Checkpoint(ORIGIN, count, tree_of(count).root()).text()
    lines = [cosign(KEYS[name], name, text, 1_790_000_000) for name in witnesses]
    return LOG.sign(text) + "".join(lines)


class TestTree:
    """RFC 6962, section 2.1: one tree kept whole gives the proofs that its definition gives."""

    @given(st.integers(1, 70), st.data())
    def test_proofs_are_those_that_an_outsider_accepts(
        self, size: int, data: st.DataObject
    ) -> None:
        tree = tree_of(size)
        leaves = [merkle.leaf_hash(entry) for entry in entries(size)]
        assert tree.root() == outsider.mth(leaves)
        index = data.draw(st.integers(0, size - 1))
        path = tree.inclusion_proof(index)
        assert outsider.includes(leaves[index], index, size, path, tree.root())
        assert merkle.verify_inclusion(leaves[index], index, size, path, tree.root())
        old = data.draw(st.integers(1, size))
        proof = tree.consistency_proof(old)
        old_root = outsider.mth(leaves[:old])
        assert outsider.is_consistent(old, size, proof, old_root, tree.root())
        assert merkle.verify_consistency(old, size, proof, old_root, tree.root())
        assert not merkle.verify_consistency(
            old, size, proof, hashlib.sha256().digest(), tree.root()
        )

    def test_neither_leaf_nor_old_tree_beyond_it(self) -> None:
        tree = tree_of(5)
        with pytest.raises(IndexError):
            tree.inclusion_proof(5)
        for old in (0, 6):
            with pytest.raises(IndexError):
                tree.consistency_proof(old)


class TestCosignature:
    """C2SP tlog-cosignature, type 0x04."""

    def test_an_outsider_reads_ours(self) -> None:
        note = signed(7, "w1", "w2")
        keys = [LOG.verifier.vkey, *(one.vkey for one in COSIGNERS.values())]
        found = outsider.good_signatures(note, keys)
        assert found == {
            LOG.verifier.vkey: 0,
            COSIGNERS["w1"].vkey: 1_790_000_000,
            COSIGNERS["w2"].vkey: 1_790_000_000,
        }

    def test_the_form_of_a_line(self) -> None:
        """Key id over name, newline, 0x04 and the key; time in eight bytes before the signature."""
        text = Checkpoint(ORIGIN, 1, b"\1" * 32).text()
        line = cosign(KEYS["w1"], "w1", text, 5)
        blob = base64.b64decode(line.split(" ")[2])
        public = KEYS["w1"].public_key().public_bytes_raw()
        assert blob[:4] == hashlib.sha256(b"w1\n\x04" + public).digest()[:4]
        assert blob[4:12] == bytes([0, 0, 0, 0, 0, 0, 0, 5])
        KEYS["w1"].public_key().verify(blob[12:], b"cosignature/v1\ntime 5\n" + text.encode())

    def test_known_cosigners_alone_count_and_a_wrong_one_refuses_the_note(self) -> None:
        note = Note.parse(signed(7, "w1", "w2").encode())
        assert set(cosigned_by(note, [COSIGNERS["w1"], COSIGNERS["w3"]])) == {COSIGNERS["w1"]}
        name, identity, signature = note.signatures[1]
        for wrong in (signature[:-1] + b"\0", b"\xff" * 8 + signature[8:], signature[:-1]):
            broken = Note(note.text, ((name, identity, wrong),))
            with pytest.raises(MalformedNote, match="wrong cosignature"):
                cosigned_by(broken, [COSIGNERS["w1"]])

    def test_a_plain_signature_is_no_cosignature(self) -> None:
        with pytest.raises(MalformedNote):
            Cosigner.parse(LOG.verifier.vkey)
        assert parse_vkey(COSIGNERS["w1"].vkey)[1] == 4
        assert Cosigner.parse(COSIGNERS["w1"].vkey) == COSIGNERS["w1"]


class TestTiles:
    """C2SP tlog-tiles."""

    @pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
    def test_an_outsider_reads_the_folder(self, size: int, tmp_path: Path) -> None:
        files = dict(tlog_tiles.tiles(tree_of(size))) | dict(tlog_tiles.bundles(entries(size)))
        hash_tiles, bundles = tlog_tiles.paths(size)
        assert sorted(files) == sorted(hash_tiles + bundles)
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content)
        (tmp_path / "checkpoint").write_text(signed(size), "utf-8")
        assert outsider.read_log(tmp_path) == entries(size)

    def test_the_examples_of_the_specification(self) -> None:
        assert tlog_tiles.tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
        hash_tiles, bundles = tlog_tiles.paths(70_000)
        by_level = {
            level: [p for p in hash_tiles if p.startswith(f"tile/{level}/")] for level in range(4)
        }
        assert [len(by_level[level]) for level in range(4)] == [274, 2, 1, 0]
        assert by_level[0][-1] == "tile/0/273.p/112"
        assert by_level[1][-1] == "tile/1/001.p/17"
        assert by_level[2] == ["tile/2/000.p/1"]
        assert len(bundles) == 274
        assert tlog_tiles.paths(256)[0] == ["tile/0/000", "tile/1/000.p/1"]

    def test_a_bundle_comes_back_and_broken_ones_do_not(self) -> None:
        data = tlog_tiles.bundle([b"", b"a" * 65535, b"b"])
        assert tlog_tiles.entries_of(data) == [b"", b"a" * 65535, b"b"]
        for broken in (data[:-1], data + b"\0", tlog_tiles.bundle([b""] * 256) + b"\0\0"):
            with pytest.raises(tlog_tiles.MalformedBundle):
                tlog_tiles.entries_of(broken)
        with pytest.raises(ValueError, match="65535"):
            tlog_tiles.bundle([b"a" * 65536])
        for broken in (b"", b"\0" * 31, b"\0" * 32 * 257):
            with pytest.raises(tlog_tiles.MalformedBundle):
                tlog_tiles.hashes_of(broken)


class TestProof:
    """C2SP tlog-proof."""

    def test_an_outsider_accepts_ours(self) -> None:
        for index in (0, 3, 6):
            proof = TlogProof(index, tuple(tree_of(7).inclusion_proof(index)), signed(7), b"x")
            assert TlogProof.parse(proof.text().encode()) == proof
            assert proof.is_of(merkle.leaf_hash(entries(7)[index]))
            assert not proof.is_of(merkle.leaf_hash(b"another"))
            assert not proof.is_of(b"")
            outsider.proves(proof.text(), entries(7)[index])

    def test_the_trap_of_an_empty_leaf(self) -> None:
        """An empty hash must not pass for the root of a tree of one."""
        text = Checkpoint(ORIGIN, 1, merkle.EMPTY_ROOT).text()
        assert not TlogProof(0, (), LOG.sign(text)).is_of(b"")

    @pytest.mark.parametrize(
        "text",
        [
            "c2sp.org/tlog-proof@v2\nindex 0\n\n",
            "c2sp.org/tlog-proof@v1\nindex 00\n\n",
            "c2sp.org/tlog-proof@v1\nindex -1\n\n",
            "c2sp.org/tlog-proof@v1\n\n",
            "c2sp.org/tlog-proof@v1\nextra \nindex 0\n\n",
            "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n",
            "c2sp.org/tlog-proof@v1\nindex 0",
        ],
    )
    def test_malformed(self, text: str) -> None:
        with pytest.raises(MalformedProof):
            TlogProof.parse(text.encode())


def policy_lines(*more: str) -> bytes:
    head = [f"log {LOG.verifier.vkey}", *(f"witness {n} {c.vkey}" for n, c in COSIGNERS.items())]
    return "\n".join([*head, *more, ""]).encode()


class TestPolicy:
    """C2SP tlog-policy."""

    @pytest.mark.parametrize(
        ("least", "cosigned", "good"),
        [
            ("2", (), False),
            ("2", ("w1",), False),
            ("2", ("w1", "w3"), True),
            ("any", ("w2",), True),
            ("all", ("w1", "w2"), False),
            ("all", ("w1", "w2", "w3"), True),
        ],
    )
    def test_k_of_n(self, least: str, cosigned: tuple[str, ...], good: bool) -> None:
        data = policy_lines(f"group g {least} w1 w2 w3", "quorum g")
        note = signed(7, *cosigned)
        judged = parse_policy(data).judge(Note.parse(note.encode()))
        assert judged.is_good is good
        assert set(judged.witnesses) == set(cosigned)
        assert outsider.has_quorum(data.decode(), note) is good

    def test_groups_of_groups(self) -> None:
        data = policy_lines("group a any w1 w2", "group b all a w3", "quorum b")
        judge = parse_policy(data).judge
        assert judge(Note.parse(signed(7, "w2", "w3").encode())).is_good
        assert not judge(Note.parse(signed(7, "w1", "w2").encode())).is_good

    def test_what_we_write_is_what_we_and_outsiders_read(self) -> None:
        policy = Policy.k_of((LOG.verifier,), tuple(COSIGNERS.values()), 2)
        assert parse_policy(policy.text().encode()) == policy
        assert outsider.has_quorum(policy.text(), signed(3, "w1", "w2"))
        nobody = Policy.k_of((LOG.verifier,), (), 0)
        assert nobody.text().endswith("quorum none\n")
        assert nobody.judge(Note.parse(signed(3).encode())).is_good

    def test_another_log_does_not_count(self) -> None:
        other = Signer(ORIGIN, Ed25519PrivateKey.generate())
        text = Checkpoint(ORIGIN, 7, tree_of(7).root()).text()
        note = Note.parse((other.sign(text) + cosign(KEYS["w1"], "w1", text, 1)).encode())
        policy = Policy.k_of((LOG.verifier,), tuple(COSIGNERS.values()), 1)
        judged = policy.judge(note)
        assert judged.has_quorum
        assert not judged.is_good

    @pytest.mark.parametrize(
        "lines",
        [
            (),
            ("quorum w1", "quorum w2"),
            ("quorum w4",),
            ("group g 0 w1", "quorum g"),
            ("group g 3 w1 w2", "quorum g"),
            ("group g 02 w1 w2", "quorum g"),
            ("group g any", "quorum g"),
            ("group g any w1", "group k any w1", "quorum k"),
            ("group g any w1 w1", "quorum g"),
            ("group none any w1", "quorum none"),
            ("group g any none", "quorum g"),
            ("group w1 any w2", "quorum w1"),
            ("group g any k", "group k any w1", "quorum g"),
            (f"witness again {COSIGNERS['w1'].vkey}", "quorum none"),
            (f"log {LOG.verifier.vkey}", "quorum none"),
            (f"witness w4 {LOG.verifier.vkey}", "quorum none"),
            ("quorum none none",),
            ("surprise", "quorum none"),
            ("quorum\rnone",),
        ],
    )
    def test_malformed(self, lines: tuple[str, ...]) -> None:
        with pytest.raises(MalformedPolicy):
            parse_policy(policy_lines(*lines))

    def test_comments_tabs_and_foreign_letters(self) -> None:
        data = policy_lines("  # 见证 \xe9", "group \u212a\t any   w1 ", "quorum\t\u212a")
        assert parse_policy(data).groups["\u212a"].members == ("w1",)
        with pytest.raises(MalformedPolicy):
            parse_policy(policy_lines("group \u212a any w1", "quorum K"))
        with pytest.raises(MalformedPolicy, match="no end"):
            parse_policy(policy_lines("quorum none")[:-1])


class TestAddCheckpoint:
    """C2SP tlog-witness: what we send, to a witness written from its text."""

    def _ask(
        self, witness: outsider.OutsideWitness, old: int, size: int, note: str = ""
    ) -> add_checkpoint.Answer:
        note = note or signed(size)
        proof = tree_of(size).consistency_proof(old) if old else []
        answer = witness.add_checkpoint(add_checkpoint.request(old, proof, note))
        return add_checkpoint.read_answer(*answer, note, Cosigner.parse(witness.vkey))

    def test_cosigned_then_behind_then_cosigned_again(self) -> None:
        witness = outsider.OutsideWitness("out.example/w", {ORIGIN: [LOG.verifier.vkey]})
        first = self._ask(witness, 0, 5)
        assert isinstance(first, add_checkpoint.Cosigned)
        assert outsider.good_signatures(signed(5) + first.lines[0], [witness.vkey])
        assert self._ask(witness, 0, 9) == add_checkpoint.Behind(5)
        assert isinstance(self._ask(witness, 5, 9), add_checkpoint.Cosigned)
        assert isinstance(self._ask(witness, 9, 9), add_checkpoint.Cosigned)

    def test_a_forked_history_and_strangers_are_declined(self) -> None:
        witness = outsider.OutsideWitness("out.example/w", {ORIGIN: [LOG.verifier.vkey]})
        self._ask(witness, 0, 5)
        forked = LOG.sign(Checkpoint(ORIGIN, 9, b"\7" * 32).text())
        assert self._ask(witness, 5, 9, forked) == add_checkpoint.Declined(
            Reason("archive.witness.proof_refused"), 422
        )
        rewritten = LOG.sign(Checkpoint(ORIGIN, 5, b"\7" * 32).text())
        assert self._ask(witness, 5, 5, rewritten) == add_checkpoint.Declined(
            Reason("archive.witness.root_differs"), 409
        )
        other = LOG.named("log.example/other")
        unknown = other.sign(Checkpoint(other.name, 5, b"\7" * 32).text())
        assert self._ask(witness, 0, 5, unknown) == add_checkpoint.Declined(
            Reason("archive.witness.log_unknown"), 404
        )
        stranger = Signer(ORIGIN, Ed25519PrivateKey.generate())
        forged = stranger.sign(Checkpoint(ORIGIN, 9, tree_of(9).root()).text())
        assert self._ask(witness, 5, 9, forged) == add_checkpoint.Declined(
            Reason("archive.witness.signature_unknown"), 403
        )
        assert witness.latest[ORIGIN][0] == 5

    def test_answers_that_are_none(self) -> None:
        note, witness = signed(5), COSIGNERS["w1"]
        own = cosign(KEYS["w1"], "w1", Note.parse(note.encode()).text, 7)
        other = cosign(KEYS["w2"], "w2", Note.parse(note.encode()).text, 7)
        read = add_checkpoint.read_answer
        assert read(200, "", (other + own).encode(), note, witness) == add_checkpoint.Cosigned(
            (own,), 7
        )
        assert read(200, "", other.encode(), note, witness) == add_checkpoint.Declined(
            Reason("archive.witness.not_cosigned"), 200
        )
        forged = cosign(KEYS["w1"], "w1", "another\n1\n" + "A" * 43 + "=\n", 7)
        for body in (forged.encode(), b"<html>", b"", b"\xff"):
            assert read(200, "", body, note, witness) == add_checkpoint.Declined(
                Reason("archive.witness.answer_form"), 200
            )
        assert read(409, add_checkpoint.SIZE_TYPE, b"007\n", note, witness) == (
            add_checkpoint.Declined(Reason("archive.witness.answer_form"), 409)
        )
        assert read(500, "", b"", note, witness) == add_checkpoint.Declined(
            Reason("archive.witness.failed"), 500
        )

    def test_what_may_not_be_sent(self) -> None:
        for old, count in ((0, 1), (1, 64)):
            with pytest.raises(ValueError):
                add_checkpoint.request(old, [b"\0" * 32] * count, signed(5))
