"""Signed notes and checkpoints against the examples of their publishers, and strict reading."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from archive import note
from archive.note import Checkpoint, MalformedNote, Note, Signer, Verifier

# C2SP signed-note.md @ 5ba5ee83
EXAMPLE_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# golang/mod sumdb/note @ fe2ec04f
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ROOT = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_NEUMANN = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngot"
    "pRZb6KE6RyyBwJnAM=\n"
)
GO_ROOT = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox3"
    "3WWd1RvMc+QQ=\n"
)
# A checkpoint of a static-ct log: an ECDSA signature of RFC 6962's kind (algorithm 0x05).
ROME = (
    "rome.ct.filippo.io/2024h1\n115474666\n2q1K6aiIJR+F7TyhiWOghoWOjY0/3dVBLsBbAvB4xCw=\n\n"
    "— rome.ct.filippo.io/2024h1 ePSrrgAAAY5+gVlSBAMARzBFAiEAv8bOMzo3Ed/GbU9fzzJvaStX6i8xTsmEF+Nq"
    "vpGhIO0CIEn1X+zzVEerdix64GEn97XCXObA2G5JQ8UDDqCKdG5m\n"
)
ROME_VKEY = (
    "rome.ct.filippo.io/2024h1+78f4abae+BTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAFzPC3fap+uINc1RQ4e"
    "RbYMUt84+bKkA8GDLN8KwVdzAgYhYSv4kS8XSheGLAHCWhIJTJbuC3sL88bNMTtrsBM="
)

SIGNER = Signer("bigloop.example", Ed25519PrivateKey.from_private_bytes(b"k" * 32))


class TestPublishedVectors:
    def test_the_specification_s_example(self) -> None:
        verifier = Verifier.parse(EXAMPLE_VKEY)
        assert verifier.vkey == EXAMPLE_VKEY
        assert Note.parse(EXAMPLE.encode()).verified_by([verifier]) == [verifier]

    def test_go_s_examples(self) -> None:
        keys = [Verifier.parse(NEUMANN), Verifier.parse(ROOT)]
        parsed = Note.parse(f"{GO_TEXT}\n{GO_NEUMANN}{GO_ROOT}".encode())
        assert parsed.text == GO_TEXT
        assert parsed.verified_by(keys) == keys
        assert parsed.verified_by(keys[1:]) == keys[1:]

    def test_lines_of_other_kinds_are_ignored(self) -> None:
        parsed = Note.parse(ROME.encode())
        assert Checkpoint.parse(parsed.text).size == 115474666
        assert parsed.verified_by([Verifier.parse(NEUMANN)]) == []

    @pytest.mark.parametrize(
        "vkey",
        [
            ROME_VKEY,  # another algorithm
            "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
            NEUMANN.replace("c74f20a3", "c74f20a4"),
            NEUMANN.replace("c74f20a3", "C74F20A3"),
            NEUMANN.replace("PeterNeumann", "PeterNewmann"),
            NEUMANN.replace("PeterNeumann", "Peter Neumann"),
            NEUMANN + "=",
            NEUMANN[:-1],
            "",
            "+",
            "++",
        ],
    )
    def test_bad_keys(self, vkey: str) -> None:
        with pytest.raises(MalformedNote):
            Verifier.parse(vkey)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "\n",
            GO_TEXT,
            f"{GO_TEXT}\n",
            f"{GO_TEXT}{GO_NEUMANN}",
            f"{GO_TEXT}\n{GO_NEUMANN}\n",
            f"{GO_TEXT}\n{GO_NEUMANN[:-1]}",
            f"{GO_TEXT}\n{GO_NEUMANN}".replace("\n", "\r\n"),
            f"{GO_TEXT}\n-{GO_NEUMANN[1:]}",
            f"{GO_TEXT}\n {GO_NEUMANN}",
            f"{GO_TEXT}\n{GO_NEUMANN.replace('AM=', 'AM')}",
            f"{GO_TEXT}\n{GO_NEUMANN.replace('AM=', 'AN=')}",
            f"{GO_TEXT}\n— PeterNeumann\n",
            f"{GO_TEXT}\n— PeterNeumann x08g\n",
            f"\x01{GO_TEXT}\n{GO_NEUMANN}",
            f"{GO_TEXT}\n" + GO_NEUMANN * (note.SIGNATURES_MAX + 1),
            "x" * note.NOTE_BYTES_MAX + f"\n\n{GO_NEUMANN}",
        ],
    )
    def test_bad_notes(self, text: str) -> None:
        with pytest.raises(MalformedNote):
            Note.parse(text.encode())

    def test_bad_utf8(self) -> None:
        with pytest.raises(MalformedNote):
            Note.parse(b"\xff\n\n" + GO_NEUMANN.encode())


class TestSigning:
    def test_what_is_signed_verifies_and_nothing_else(self) -> None:
        made = SIGNER.sign("a text\n").encode()
        assert Note.parse(made).verified_by([SIGNER.verifier]) == [SIGNER.verifier]
        changed = Note.parse(made.replace(b"a text", b"A text"))
        with pytest.raises(MalformedNote, match="wrong signature"):
            changed.verified_by([SIGNER.verifier])

    def test_a_key_of_the_same_name_is_another_key(self) -> None:
        forger = Signer(SIGNER.name, Ed25519PrivateKey.from_private_bytes(b"f" * 32))
        made = Note.parse(forger.sign("a text\n").encode())
        assert made.verified_by([SIGNER.verifier]) == []

    def test_a_text_ends_in_a_newline(self) -> None:
        with pytest.raises(ValueError, match="newline"):
            SIGNER.sign("a text")

    @pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb"])
    def test_names(self, name: str) -> None:
        with pytest.raises(ValueError, match="key name"):
            Signer(name, SIGNER.key)


class TestCheckpoints:
    def test_round_trip(self) -> None:
        checkpoint = Checkpoint("bigloop.example/lot/1", 7, b"r" * 32)
        assert Checkpoint.parse(checkpoint.text()) == checkpoint

    @pytest.mark.parametrize(
        "text",
        [
            "o\n7\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=",
            "\n7\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n",
            "o\n07\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n",
            "o\n-7\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n",
            "o\n٧\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n",
            "o\n7\ncnJy\n",
            "o\n7\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\nextension\n",
        ],
    )
    def test_refusals(self, text: str) -> None:
        with pytest.raises(MalformedNote):
            Checkpoint.parse(text)
