"""The vault: whole or not at all, and what comes out is what went in."""

import stat
from pathlib import Path

import pytest

from archive import vault as module
from archive.entropy import SeededEntropy
from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef
from archive.keys import note_signer, secret_file
from archive.vault import Vault


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault")


def files(vault: Vault) -> list[Path]:
    return [path for path in vault.root.rglob("*") if path.is_file()]


class TestVault:
    def test_what_is_put_is_got(self, vault: Vault) -> None:
        reference = vault.put("a.txt", "text/plain", b"abc")
        # FIPS 180-2, appendix B.1
        digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        assert reference == DocumentRef("a.txt", digest, 3, "text/plain")
        assert vault.get(digest) == b"abc"
        assert vault.get(vault.put("empty", "text/plain", b"").sha256) == b""

    def test_the_same_content_is_kept_once(self, vault: Vault) -> None:
        first = vault.put("a", "text/plain", b"abc")
        kept = files(vault)[0].stat()
        second = vault.put("b", "application/json", b"abc")
        assert first.sha256 == second.sha256
        assert second.name == "b"
        assert len(files(vault)) == 1
        assert files(vault)[0].stat().st_ino == kept.st_ino

    def test_a_name_is_never_a_path(self, vault: Vault) -> None:
        vault.put("../../escape", "text/plain", b"abc")
        assert not list(vault.root.parent.parent.glob("escape"))
        assert files(vault)[0].is_relative_to(vault.root)

    def test_a_missing_one(self, vault: Vault) -> None:
        with pytest.raises(Refusal) as refused:
            vault.get("0" * 64)
        assert (refused.value.code, refused.value.kind) == ("archive.vault.missing", Kind.GONE)

    def test_a_damaged_one(self, vault: Vault) -> None:
        reference = vault.put("a", "text/plain", b"abc")
        files(vault)[0].write_bytes(b"abd")
        with pytest.raises(Refusal) as refused:
            vault.get(reference.sha256)
        assert (refused.value.code, refused.value.kind) == ("archive.vault.damaged", Kind.GONE)

    def test_too_large(self, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "DOCUMENT_BYTES_MAX", 3)
        vault.put("a", "text/plain", b"abc")
        with pytest.raises(Refusal) as refused:
            vault.put("b", "text/plain", b"abcd")
        assert refused.value.params == {"name": "b", "bytes": 4, "bytes_max": 3}

    @pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace"])
    def test_a_failure_half_way_leaves_nothing(
        self, vault: Vault, monkeypatch: pytest.MonkeyPatch, call: str
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(call, fail)
            with pytest.raises(OSError, match="full"):
                vault.put("a", "text/plain", b"abc")
        assert files(vault) == []
        assert vault.get(vault.put("a", "text/plain", b"abc").sha256) == b"abc"


class TestKeys:
    def test_a_secret_is_made_once_and_for_the_owner_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "keys" / "log.key"
        first = secret_file(path, SeededEntropy(b"1"))
        assert secret_file(path, SeededEntropy(b"2")) == first
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(path.parent.iterdir()) == [path]

    def test_a_signer_is_the_same_after_a_restart(self, tmp_path: Path) -> None:
        path = tmp_path / "log.key"
        first = note_signer(path, "bigloop.example", SeededEntropy(b"1"))
        again = note_signer(path, "bigloop.example", SeededEntropy(b"2"))
        assert first.verifier == again.verifier
        assert note_signer(path, "other.example", SeededEntropy(b"2")).verifier != first.verifier
