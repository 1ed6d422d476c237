"""The pool's list for its office: filtered, ordered, counted and turned over by the database, with the
result that reading every line would give."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from api.flows import pool as flow
from archive.office import Office
from experts.pool import service as pool
from experts.pool.expert import Status, Title
from experts.pool.search import Find, Word
from tests.builders import POOL_OFFICE, STAFF, make_office
from tests.experts import world
from trading.divisions import yunnan
from trading.parties import service as parties
from trading.parties.party import Organisation, OrganisationKind

COLUMNS = (
    "id",
    "name",
    "employer",
    "specialties",
    "home",
    "title",
    "status",
    "enrolled",
    "certified",
)


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[Office]:
    """Sixty experts: some removed, some of another title; half of their employers have a name."""
    office = make_office(tmp_path, database_url)
    changes: dict[int, dict[str, Any]] = {
        7: {"status": Status.LEFT},
        8: {"title_level": Title.FULL},
        9: {"name": "100%_真"},
    }
    people = [world.make_expert(n, **changes.get(n, {})) for n in range(60)]
    named = sorted({expert.employer_uscc for expert in people})[::2]
    with office.write() as tx:
        parties.register_organisations(
            tx,
            STAFF,
            [
                Organisation(code, f"滇示例第{n}设计院 Lab{n}", OrganisationKind.EMPLOYER, "532901")
                for n, code in enumerate(named)
            ],
        )
        pool.enrol_many(tx, POOL_OFFICE, people)
    yield office
    office.connections.dispose()


def plain(text: str) -> Word:
    return flow.word(text, [], [])


def asked(
    words: Sequence[Word] = (), status: str = "", sort: str = "id", down: bool = False
) -> Find:
    return flow.search(words, status, sort, down)


def test_what_every_line_would_say(house: Office) -> None:
    with house.read() as db:
        every = flow.experts(db, asked(), 0, 100)
        assert [line.id for line in every] == [f"E{n:04d}" for n in range(60)]
        assert pool.size(db) == pool.found_count(db, asked()) == 60
        for text in (
            "e001",
            "设计院",
            "lab1",
            "a0801",
            "大理",
            "2024-05",
            "100%",
            "%",
            "_",
            "'",
            "\\",
        ):
            find = asked([plain(text)])
            kept = [
                line.id
                for line in every
                if any(
                    text in str(shown).casefold()
                    for shown in (
                        line.id,
                        line.name,
                        line.employer,
                        line.specialties,
                        line.enrolled_on,
                    )
                )
                or any(text in name for name in places_of(line.id))
            ]
            assert [line.id for line in flow.experts(db, find, 0, 100)] == kept, text
            assert pool.found_count(db, find) == len(kept), text


def places_of(expert_id: str) -> tuple[str, str]:
    """His county and its prefecture."""
    home = yunnan()[world.make_expert(int(expert_id[1:])).home_division]
    return home.name, yunnan()[home.prefecture_code].name


def test_every_word_counts_and_the_choice_too(house: Office) -> None:
    with house.read() as db:
        both = asked([plain("设计院"), plain("a0801")])
        assert 0 < pool.found_count(db, both) < pool.found_count(db, asked([plain("设计院")]))
        assert [line.id for line in flow.experts(db, asked(status="LEFT"), 0, 9)] == ["E0007"]
        titled = asked([flow.word("正高", ["FULL"], [])])
        assert [line.id for line in flow.experts(db, titled, 0, 9)] == ["E0008"]
        gone = asked([flow.word("退出", [], ["LEFT"])])
        assert [line.id for line in flow.experts(db, gone, 0, 9)] == ["E0007"]


@pytest.mark.parametrize("down", [False, True])
def test_pages_make_the_whole_in_any_order(house: Office, down: bool) -> None:
    with house.read() as db:
        for sort in (*COLUMNS, "nothing; drop table expert"):
            find = asked(sort=sort, down=down)
            whole = flow.experts(db, find, 0, 100)
            pages = [flow.experts(db, find, start, 7) for start in range(0, 63, 7)]
            assert [line for page in pages for line in page] == whole
            assert len({line.id for line in whole}) == 60
        by_day = flow.experts(db, asked(sort="enrolled", down=down), 0, 100)
        days = [line.enrolled_on for line in by_day]
        assert days == sorted(days, reverse=down)
