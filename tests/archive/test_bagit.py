"""BagIt: the Library of Congress' conformance suite, and our own one spelling of manifests."""

from pathlib import Path

import bagit
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import dossier
from archive.bagit import bagit_faults, manifest_lines, manifest_text, path_fault
from archive.office import Office
from tests.archive.dossiers import assembled, fill
from tests.support.shared import shared_dir

# Bags that the suite calls valid but worth a warning. Accepted here: these three. The others say
# that files are there which a file system that tells case and normalisation apart does not have.
WARNED_AND_ACCEPTED = {
    "made-with-md5sum-tools",
    "relative-path",
    "same-filename-listed-twice-with-the-same-hash",
}


class TestConformanceSuite:
    """RFC 8493 and its drafts; LibraryOfCongress/bagit-conformance-suite (public domain)."""

    @pytest.mark.shared
    def test_every_bag_gets_its_verdict(self) -> None:
        root = shared_dir("vectors", "archive", "bagit-conformance-suite")
        wrong, counted = [], {"valid": 0, "invalid": 0, "linux-only": 0, "windows-only": 0}
        for bag in sorted(path for path in root.glob("v*/*/*") if path.is_dir()):
            expected = bag.parent.name
            faults = bagit_faults(bag)
            if expected in counted:
                counted[expected] += 1
                if bool(faults) is (expected == "valid"):
                    wrong.append((bag.name, faults))
            elif bool(faults) is (bag.name in WARNED_AND_ACCEPTED):
                wrong.append((bag.name, faults))
        assert wrong == []
        # The bags for Windows alone are refused here too: no path may have a backslash.
        assert counted == {"valid": 27, "invalid": 15, "linux-only": 4, "windows-only": 6}


class TestOurBags:
    def test_two_validators_accept_our_dossier(self, sqlite_office: Office, tmp_path: Path) -> None:
        fill(sqlite_office)
        dossier.write(assembled(sqlite_office), tmp_path / "bag")
        assert bagit_faults(tmp_path / "bag") == []
        assert bagit.Bag(str(tmp_path / "bag")).validate() is True

    @pytest.fixture
    def bag(self, tmp_path: Path) -> Path:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "a").write_bytes(b"abc")
        digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        (tmp_path / "manifest-sha256.txt").write_text(f"{digest}  data/a\n")
        (tmp_path / "bagit.txt").write_text(
            "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
        )
        (tmp_path / "bag-info.txt").write_text("Payload-Oxum: 3.1\nNote: one\n  and more\n")
        assert bagit_faults(tmp_path) == []
        return tmp_path

    @pytest.mark.parametrize(
        ("file", "content", "code"),
        [
            ("data/a", "abd", "digest"),
            ("data/b", "", "unlisted"),
            (
                "bagit.txt",
                "BagIt-Version: 2.0\nTag-File-Character-Encoding: UTF-8\n",
                "declaration",
            ),
            ("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: KOI8\n", "declaration"),
            ("bag-info.txt", "Payload-Oxum: 4.1\n", "oxum"),
            ("bag-info.txt", "Payload-Oxum: 3\n", "oxum"),
            ("bag-info.txt", "no label\n", "line"),
            ("manifest-sha256.txt", "ba78  data/a\n", "line"),
            ("manifest-sm3.txt", "ba78  data/a\n", "algorithm"),
            ("manifest-md5.txt", "900150983cd24fb0d6963f7d28e17f72  /etc/passwd\n", "path"),
            ("manifest-md5.txt", "900150983cd24fb0d6963f7d28e17f72  data/../a\n", "path"),
            ("manifest-md5.txt", "900150983cd24fb0d6963f7d28e17f72  bagit.txt\n", "path"),
            ("tagmanifest-md5.txt", "900150983cd24fb0d6963f7d28e17f72  data/a\n", "path"),
            ("fetch.txt", "https://example.org/a - data/b\n", "path"),
            ("fetch.txt", "https://example.org/a\n", "line"),
        ],
    )
    def test_each_fault_is_named(self, bag: Path, file: str, content: str, code: str) -> None:
        (bag / file).write_text(content)
        found = bagit_faults(bag)
        assert f"archive.bagit.{code}" in {fault.reason.code for fault in found}
        assert file in {fault.file for fault in found}

    def test_links_and_missing_parts(self, bag: Path) -> None:
        (bag / "data" / "link").symlink_to(bag / "data" / "a")
        assert [fault.file for fault in bagit_faults(bag)] == ["data/link"]
        (bag / "data" / "link").unlink()
        (bag / "bag-info.txt").write_bytes(b"Name: \xff\n")
        assert [f.reason.code for f in bagit_faults(bag)] == ["archive.bagit.encoding"]
        (bag / "manifest-sha256.txt").unlink()
        assert "manifest-*.txt" in {fault.file for fault in bagit_faults(bag)}


class TestManifests:
    @given(
        st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\\"), min_size=1)
            .map(lambda text: f"data/x{text}")
            .filter(lambda path: not path_fault(path)),
            st.binary(min_size=32, max_size=32).map(bytes.hex),
        )
    )
    def test_round_trip(self, digests: dict[str, str]) -> None:
        assert manifest_lines(manifest_text(digests)) == digests

    @pytest.mark.parametrize(
        "text",
        [
            f"{'a' * 64}  data/a",
            f"{'a' * 64}  data/a\r\n",
            f"{'a' * 64} data/a\n",
            f"{'a' * 64}   data/a\n",
            f"{'a' * 64} *data/a\n",
            f"{'A' * 64}  data/a\n",
            f"{'a' * 63}  data/a\n",
            f"{'a' * 64}  data/a\n" * 2,
            f"{'a' * 64}  data/b\n{'a' * 64}  data/a\n",
            f"{'a' * 64}  ./data/a\n",
            f"{'a' * 64}  data//a\n",
            f"{'a' * 64}  data/../a\n",
            f"{'a' * 64}  /data/a\n",
            f"{'a' * 64}  C:/data/a\n",
            f"{'a' * 64}  data\\a\n",
            f"{'a' * 64}  data/%41%0a\n",
            f"\n{'a' * 64}  data/a\n",
            f"\ufeff{'a' * 64}  data/a\n",
        ],
    )
    def test_another_spelling_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError):
            manifest_lines(text.encode())
