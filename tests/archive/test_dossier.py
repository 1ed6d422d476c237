"""Assembling: complete or refused, the same record gives the same bytes, written whole."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import canonical, package
from archive.dossier import Extract, Required, assemble, write
from archive.errors import Kind, Refusal
from archive.journal.entry import DocumentRef
from archive.office import Office
from archive.package import Contents
from tests.archive.dossiers import DRAW, LOT, assembled, fill

EXPECTED_ROOT = "ffa209d5301d7b781fa6213497ebbc3fb695e629d8e63ae0c4eaf85451177697"


@pytest.fixture
def filled(sqlite_office: Office) -> Office:
    fill(sqlite_office)
    return sqlite_office


def refused(office: Office, **how: Any) -> list[tuple[str, str]]:
    with pytest.raises(Refusal) as caught:
        assembled(office, **how)
    assert caught.value.code == "archive.dossier.incomplete"
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


class TestAssembling:
    def test_what_is_in_it(self, filled: Office) -> None:
        dossier = assembled(filled)
        assert sorted(dossier.files) == [
            "bag-info.txt",
            "bagit.txt",
            "data/anchor/anchor.note",
            "data/checkpoints/lodging.note",
            "data/checkpoints/lot~1.note",
            "data/checkpoints/pool.note",
            "data/checkpoints/session~1.note",
            "data/documents/01-公告_1_2.pdf",
            "data/documents/02-draw.json",
            "data/dossier.json",
            "data/extracts/lodging.jsonl",
            "data/extracts/pool.jsonl",
            "data/streams/lot~1.jsonl",
            "data/streams/session~1.jsonl",
            "manifest-sha256.txt",
            "signature.note",
            "tagmanifest-sha256.txt",
        ]
        contents = Contents.parse(dossier.files[package.CONTENTS])
        assert contents.subject == LOT == dossier.subject
        assert [head.stream for head in contents.streams] == ["lot/1", "session/1"]
        assert [[e.seq for e in part.entries] for part in contents.extracts] == [[0], [1, 3]]
        # As the record stood at the tick: what came later is not in it.
        assert dossier.files["data/streams/lot~1.jsonl"].count(b"\n") == 5
        assert b"the tick" not in dossier.files["data/streams/lot~1.jsonl"]
        assert dossier.root in dossier.files["signature.note"].decode()

    def test_on_both_engines_the_same_bytes(self, office: Office, tmp_path: Path) -> None:
        """The digest stands here so that a change of the format is a decision."""
        fill(office)
        first, second = assembled(office), assembled(office)
        assert first == second
        reordered = assembled(office, streams=["session/1", LOT])
        assert reordered.root == first.root
        assert first.root == EXPECTED_ROOT

    def test_documents_of_extracts_only_where_their_entry_is_taken(self, filled: Office) -> None:
        taken = assembled(filled, extracts=[Extract("pool", (0, 4))])
        names = [name for name in taken.files if "change" in name]
        assert names == ["data/documents/03-change-0", "data/documents/04-change-2"]

    @pytest.mark.parametrize(
        ("how", "expected"),
        [
            ({"streams": [LOT, "lot/9"]}, [("/streams/1", "no_stream")]),
            (
                {"tick": 1},
                [
                    ("/streams/0", "no_stream"),
                    ("/streams/1", "no_stream"),
                    ("/extracts/0", "no_stream"),
                    ("/extracts/1", "no_stream"),
                ],
            ),
            ({"streams": [LOT, LOT]}, [("/streams", "twice")]),
            ({"streams": [LOT, "pool"]}, [("/streams", "twice")]),
            ({"streams": [], "extracts": [], "required": []}, [("/streams", "empty")]),
            ({"extracts": [Extract("pool", ())]}, [("/extracts/0", "no_entries")]),
            (
                {"extracts": [Extract("pool", (8, -1))]},
                [("/extracts/0", "no_entry"), ("/extracts/0", "no_entry")],
            ),
            (
                {
                    "required": [
                        Required("draw.json", DRAW),
                        Required("x", DRAW),
                        Required("draw.json", "a:b:c"),
                    ]
                },
                [("/required/1", "not_delivered"), ("/required/2", "not_delivered")],
            ),
        ],
    )
    def test_all_faults_at_once(
        self, filled: Office, how: dict[str, Any], expected: list[tuple[str, str]]
    ) -> None:
        wanted = [(pointer, f"archive.dossier.{what}") for pointer, what in expected]
        assert refused(filled, **how) == wanted

    def test_a_document_that_the_vault_lost(self, filled: Office) -> None:
        for path in filled.vault.root.rglob("*"):
            if path.is_file() and b"notice" in path.read_bytes():
                path.unlink()
            elif path.is_file() and b"sum" in path.read_bytes():
                path.write_bytes(b"changed")
        found = refused(filled, required=[Required("never", DRAW)])
        assert found == [
            ("/required/0", "archive.dossier.not_delivered"),
            ("/documents/0", "archive.vault.missing"),
            ("/documents/1", "archive.vault.damaged"),
        ]

    @pytest.mark.parametrize("subject", ["", "two words", "two\nlines"])
    def test_a_subject_is_one_word(self, filled: Office, subject: str) -> None:
        with filled.read() as db, pytest.raises(ValueError, match="not a name"):
            assemble(db, filled.vault, filled.log, subject, [LOT], [], [], 0)


class TestWriting:
    def test_written_and_read_back(self, filled: Office, tmp_path: Path) -> None:
        dossier = assembled(filled)
        folder = tmp_path / "out" / "lot-1"
        write(dossier, folder)
        found = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        assert found == dossier.files
        assert [path.name for path in folder.parent.iterdir()] == ["lot-1"]

    @pytest.mark.parametrize("there", ["folder", "file", "link"])
    def test_nothing_is_written_over(self, filled: Office, tmp_path: Path, there: str) -> None:
        target = tmp_path / "target"
        if there == "folder":
            target.mkdir()
        elif there == "file":
            target.write_bytes(b"")
        else:
            target.symlink_to(tmp_path / "nowhere")
        with pytest.raises(Refusal) as caught:
            write(assembled(filled), target)
        assert (caught.value.code, caught.value.kind) == ("archive.dossier.exists", Kind.CONFLICT)
        assert not (tmp_path / "nowhere").exists()

    @pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.rename"])
    def test_a_failure_half_way_leaves_nothing(
        self, filled: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError("the disk is full")

        dossier = assembled(filled)
        (tmp_path / "out").mkdir()
        with monkeypatch.context() as patch:
            patch.setattr(call, fail)
            with pytest.raises(OSError, match="full"):
                write(dossier, tmp_path / "out" / "lot-1")
        assert list((tmp_path / "out").iterdir()) == []


class TestContents:
    def test_round_trip_and_nothing_else(self, filled: Office) -> None:
        data = assembled(filled).files[package.CONTENTS]
        contents = Contents.parse(data)
        assert canonical.encode(contents.to_json()) == data
        value = contents.to_json()
        refused: tuple[Any, ...] = (
            {**value, "format": "bigloop.dossier.v2"},
            {**value, "more": 1},
            {k: v for k, v in value.items() if k != "tick"},
            {**value, "tick": -1},
            {**value, "tick": True},
            {**value, "subject": "two words"},
            {**value, "streams": value["streams"][::-1]},
            {**value, "streams": value["streams"] * 2},
            {**value, "streams": [{**value["streams"][0], "file": "data/x"}]},
            {**value, "streams": [{**value["streams"][0], "root": "00"}]},
            {**value, "streams": [{**value["streams"][0], "proof": "00"}]},
            {**value, "extracts": [{**value["extracts"][0], "entries": []}]},
            {**value, "extracts": [{**value["extracts"][0], "stream": "lot/1"}]},
            {**value, "documents": [{**value["documents"][0], "file": "data/../../x"}]},
            {**value, "documents": [{**value["documents"][0], "bytes": "1"}]},
            {**value, "documents": None},
            {**value, "required": [{"action": 1, "document": "x"}]},
            [],
            None,
        )
        for changed in refused:
            with pytest.raises(ValueError):
                Contents.parse(canonical.encode(changed))

    @given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 2000))
    def test_a_document_s_file_name_is_safe(self, name: str, count: int) -> None:
        file = package.document_file(count, count, DocumentRef(name, "0" * 64, 0, "x"))
        folder, _, last = file.rpartition("/")
        assert folder == "data/documents"
        assert len(last.encode()) <= package.NAME_BYTES_MAX + 5
        assert not set(last) & set('\\:*?"<>|%~ \n\r\t\x00')
        assert last[0].isdigit()
        assert not last.endswith(".")
