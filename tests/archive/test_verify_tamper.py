"""Whatever is changed anywhere in a dossier is refused, with its file named.

Two adversaries: one who changes files, and one who closes the changed dossier anew with a key of
his own.
"""

import os
from pathlib import Path

import pytest

from archive import canonical, dossier, package
from archive.note import Verifier
from archive.office import Office
from archive.verification.report import Verdict
from archive.verify import verify
from tests.archive.conftest import make_tables
from tests.archive.dossiers import (
    FORGER,
    VERIFIERS,
    assembled,
    blamed,
    closed_anew,
    codes,
    failed,
    fill,
    payload_of,
    spread,
)
from tests.builders import START, make_office


class TestWhoChangesFiles:
    @pytest.mark.parametrize(
        "stride",
        [pytest.param(13, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.soak)],
    )
    def test_every_byte_of_every_file(
        self, folder: Path, files: dict[str, bytes], trust: list[Verifier], stride: int
    ) -> None:
        """One bit of each byte in turn; the bit changes from place to place, so that the case of
        hex digits and letters, white space and line ends are all among them. The files that no
        digest covers are always tried whole, long ones at every thirteenth byte; `soak` tries all."""
        accepted, unnamed, count = [], [], 0
        for name, data in files.items():
            path = folder / name
            is_whole = name in (package.SIGNATURE, package.BAGIT)
            for place in range(0, len(data), 1 if is_whole else stride):
                changed = bytearray(data)
                changed[place] ^= 1 << (5 * place % 8)
                path.write_bytes(changed)
                report = verify(folder, trust, VERIFIERS)
                count += 1
                if report.verdict is not Verdict.INVALID:
                    accepted.append((name, place))
                elif name not in blamed(report):
                    unnamed.append((name, place, blamed(report)))
            path.write_bytes(data)
        assert accepted == []
        assert unnamed == []
        assert count >= sum(map(len, files.values())) // stride
        assert verify(folder, trust, VERIFIERS).verdict is Verdict.VALID

    def test_every_file_truncated_lengthened_emptied(
        self, folder: Path, files: dict[str, bytes], trust: list[Verifier]
    ) -> None:
        for name, data in files.items():
            for changed in (
                data[:-1],
                data[1:],
                data[: len(data) // 2],
                b"",
                data + b"\n",
                data + b"\x00",
                b"\xef\xbb\xbf" + data,
                data * 2,
                data.replace(b"\n", b"\r\n") + b" ",
                data + b" ",
            ):
                (folder / name).write_bytes(changed)
                report = verify(folder, trust, VERIFIERS)
                assert report.verdict is Verdict.INVALID, (name, changed[:40])
                assert name in blamed(report), (name, changed[:40])
            (folder / name).write_bytes(data)

    def test_every_file_removed_or_renamed(
        self, folder: Path, files: dict[str, bytes], trust: list[Verifier]
    ) -> None:
        """A folder is recognised as a dossier by any of its files, whichever is missing."""
        for name, data in files.items():
            path = folder / name
            for new in (None, path.with_name(path.name + "x"), path.with_name(path.name.upper())):
                if new is None:
                    path.unlink()
                elif new == path:
                    continue
                else:
                    path.rename(new)
                report = verify(folder, trust, VERIFIERS)
                assert report.verdict is Verdict.INVALID, name
                assert 1 in failed(report) or name in blamed(report)
                assert name in blamed(report)
                if new is not None:
                    assert new.relative_to(folder).as_posix() in blamed(report)
                    new.unlink()
                path.write_bytes(data)

    @pytest.mark.parametrize(
        "name",
        [
            "extra",
            "data/extra",
            "data/documents/00-x",
            ".hidden",
            "data/.DS_Store",
            "data/documents/03-draw.json",
            "manifest-sha512.txt",
            "tagmanifest-md5.txt",
            "fetch.txt",
            "data/streams/lot~2.jsonl",
            "data/deep/er/file",
            "data/documents/01-公告_1_2.PDF",
        ],
    )
    def test_a_file_too_many(self, folder: Path, trust: list[Verifier], name: str) -> None:
        spread({name: b""}, folder)
        report = verify(folder, trust, VERIFIERS)
        assert report.verdict is Verdict.INVALID
        assert 1 in failed(report)
        assert name in blamed(report)

    @pytest.mark.parametrize("name", ["empty", "data/empty", "data/documents/empty/er"])
    def test_a_folder_too_many(self, folder: Path, trust: list[Verifier], name: str) -> None:
        (folder / name).mkdir(parents=True)
        report = verify(folder, trust, VERIFIERS)
        assert failed(report) == {1}
        assert name in blamed(report)

    def test_links_pipes_and_names_that_are_no_text(
        self, folder: Path, files: dict[str, bytes], trust: list[Verifier], tmp_path: Path
    ) -> None:
        for name, data in files.items():
            outside = tmp_path / "outside"
            outside.write_bytes(data)
            (folder / name).unlink()
            (folder / name).symlink_to(outside)
            report = verify(folder, trust, VERIFIERS)
            assert 1 in failed(report)
            assert name in blamed(report)
            (folder / name).unlink()
            (folder / name).write_bytes(data)
        os.mkfifo(folder / "pipe")
        (folder / "data" / "loop").symlink_to(folder)
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe")).write_bytes(b"")
        report = verify(folder, trust, VERIFIERS)
        assert blamed(report) == {"pipe", "data/loop", "\\udcff\\udcfe"}
        canonical.encode(report.to_json())

    def test_a_name_in_another_normalisation(self, folder: Path, trust: list[Verifier]) -> None:
        """é in one code point and in two look the same and are two names."""
        one, two = "data/documents/01-\u00e9", "data/documents/01-e\u0301"
        spread({one: b"", two: b""}, folder)
        assert {one, two} <= blamed(verify(folder, trust, VERIFIERS))

    def test_two_files_exchanged(
        self, folder: Path, files: dict[str, bytes], trust: list[Verifier]
    ) -> None:
        first, second = "data/checkpoints/pool.note", "data/checkpoints/lodging.note"
        spread({first: files[second], second: files[first]}, folder)
        report = verify(folder, trust, VERIFIERS)
        assert {4, 6} <= failed(report)
        assert {first, second} <= blamed(report)

    def test_manifests_in_another_spelling(
        self, folder: Path, files: dict[str, bytes], trust: list[Verifier]
    ) -> None:
        for name in (package.MANIFEST, package.TAG_MANIFEST):
            data = files[name]
            lines = data.splitlines(keepends=True)
            for changed in (
                data + lines[0],
                b"".join(lines[::-1]),
                data.replace(b"\n", b"\r\n"),
                data.upper(),
                data.replace(b"  ", b" *"),
                data.replace(b"  ", b"  ./"),
                data + b"0" * 64 + b"  /etc/passwd\n",
                data + b"0" * 64 + b"  data/../../x\n",
            ):
                (folder / name).write_bytes(changed)
                report = verify(folder, trust, VERIFIERS)
                assert name in blamed(report)
                assert "verify.manifest_form" in codes(report)
            (folder / name).write_bytes(data)

    def test_the_signature_in_another_spelling(
        self, folder: Path, files: dict[str, bytes], trust: list[Verifier]
    ) -> None:
        """Base64 with other last bits, white space, other key names, further lines."""
        data = files[package.SIGNATURE]
        text, line = data.decode().split("\n\n")
        _, name, encoded = line.split()
        assert encoded.endswith("=")
        last = encoded[-2]
        following = chr(ord(last) + 1)
        foreign = FORGER.sign("x\n").split("\n\n")[1]
        for changed in (
            f"{text}\n\n— {name} {encoded[:-2]}{following}=\n",
            f"{text}\n\n— {name} {encoded.rstrip('=')}\n",
            f"{text}\n\n— {name}  {encoded}\n",
            f"{text}\n\n— {name} {encoded} \n",
            f"{text}\n\n—  {name} {encoded}\n",
            f"{text}\n\n— {name}x {encoded}\n",
            f"{text}\n\n— Bigloop.example {encoded}\n",
            f"{text}\n\n- {name} {encoded}\n",
            f"{text}\n\n— {name} {encoded}\n— {name} {encoded}\n",
            f"{text}\n\n— {name} {encoded}\n{foreign}",
            f"{text}\n\n{foreign}— {name} {encoded}\n",
            f"{text}\n\n— {name} {encoded}\n\n",
            f"{text}\n\n\n— {name} {encoded}\n",
            f"{text} \n\n— {name} {encoded}\n",
            f"\n{text}\n\n— {name} {encoded}\n",
        ):
            (folder / package.SIGNATURE).write_text(changed)
            report = verify(folder, trust, VERIFIERS)
            assert failed(report) == {2}, changed
            assert blamed(report) == {package.SIGNATURE}


class TestWhoClosesAnew:
    def test_with_a_key_of_his_own(
        self, files: dict[str, bytes], tmp_path: Path, trust: list[Verifier]
    ) -> None:
        folder = spread(closed_anew(payload_of(files), FORGER), tmp_path / "x")
        report = verify(folder, trust, VERIFIERS)
        assert report.verdict is Verdict.INVALID
        assert failed(report) == {2}
        assert verify(folder, None, VERIFIERS).verdict is Verdict.INDETERMINATE
        assert verify(folder, [FORGER.verifier], VERIFIERS).verdict is Verdict.INVALID

    def test_a_whole_platform_forged(self, tmp_path: Path, trust: list[Verifier]) -> None:
        """Everything holds together; only the key is not the trusted one, though of its name."""
        url = f"sqlite:///{tmp_path}/forged.db"
        make_tables(url)
        forged = make_office(tmp_path, url, START)
        forged.log = FORGER
        fill(forged)
        dossier.write(assembled(forged), tmp_path / "x")
        forged.connections.dispose()
        assert verify(tmp_path / "x", trust, VERIFIERS).verdict is Verdict.INVALID
        assert verify(tmp_path / "x", None, VERIFIERS).verdict is Verdict.INDETERMINATE
        assert verify(tmp_path / "x", [FORGER.verifier], VERIFIERS).verdict is Verdict.VALID

    def test_another_dossier_under_this_signature(
        self, dossier_office: Office, files: dict[str, bytes], tmp_path: Path, trust: list[Verifier]
    ) -> None:
        other = dict(assembled(dossier_office, subject="lot/2").files)
        other[package.SIGNATURE] = files[package.SIGNATURE]
        report = verify(spread(other, tmp_path / "x"), trust, VERIFIERS)
        assert failed(report) == {2}
        assert codes(report) == {"verify.not_what_was_signed"}
