"""Who reads the database between the draw and the opening of the names learns nobody's name
(招标投标法 第三十七条: the committee's list is secret until the winner is determined).

The reader has every table, the streams among them, and every document of the vault; he has no key.
"""

from pathlib import Path

import sqlalchemy as sa

from archive.office import Office
from experts.draws import service as draws
from experts.draws.leaves import leaves
from experts.pool import service as pool
from tests.experts import world
from tests.support.reading import readable


def test_no_table_stream_or_document_tells_who_sits(office: Office, tmp_path: Path) -> None:
    draw = world.perform(office)
    with office.read() as db:
        asked = {one.expert_id for one in draws.invited(db, draw.id)}
    draw = world.answer_all(office, draw)
    with office.read() as db:
        sitting = {member.expert_id for member in draws.committee(db, draw.id)}
    assert len(sitting) == 5
    said = readable(office, tmp_path / "vault")
    assert any(where.startswith("draw_member/") for where in said)
    assert any(where.startswith("journal_entry/") for where in said)
    evidence = {where for where, text in said.items() if b"experts.conflict" in text}
    for where, text in said.items():
        if where not in evidence:
            for expert_id in asked | sitting:
                assert expert_id.encode() not in text, f"{expert_id} in {where}"
    for where in evidence:  # who is excluded is told with its reason; nobody of those sits
        for expert_id in sitting:
            assert expert_id.encode() not in said[where], f"{expert_id} in {where}"


def test_pseudonyms_cannot_be_tried_out(office: Office, tmp_path: Path) -> None:
    """With the stored bytes of the key, which are sealed, no leaf of any expert comes out; with the
    opened key all do: the control."""
    draw = world.answer_all(office, world.perform(office))
    with office.read() as db:
        stored = db.execute(sa.text("SELECT key FROM draw")).scalar_one()
        columns = pool.columns(db)
        members = {step_leaf for _, _, _, step_leaf in _members(draws.transcript(db, draw.id))}
        opened = office.keeper.unseal(f"draw/{draw.id}/key", bytes(stored))

    def tried(key: bytes) -> set[str]:
        employers = [expert.employer_uscc for expert in columns.experts]
        return {leaf.hex() for leaf in leaves(columns, key, employers).leaves}

    assert not members & tried(bytes(stored)[:32])
    assert not members & tried(bytes(stored)[16:])
    assert members <= tried(opened)


def _members(transcript: object) -> list[tuple[str, str, int, str]]:
    assert isinstance(transcript, dict)
    return [tuple(member) for member in transcript["result"]["members"]]
