"""Registers from files: what a file would do, what it does, what it is refused for."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from api.registers import service
from api.registers.kinds import ORGANISATIONS, REGISTERS
from api.registers.register import Effect, Plan
from archive.actor import Actor, Role
from archive.errors import Kind
from archive.journal import service as journal
from archive.office import Office
from archive.words import Language
from tests.builders import CENTRE, make_office
from tests.trading.world import FIRMS, OPERATOR, refused
from trading.parties import service as parties
from trading.parties.party import Organisation, OrganisationKind, Relation

KEEPER = Actor("operator-1", frozenset({Role.OPERATOR}))
TODAY = date(2026, 10, 21)
NOBODY = cast("Session", None)
"""For registers whose `known` asks no database."""
A, B, C, *_ = FIRMS


def table(heading: str, *rows: str, encoding: str = "utf-8-sig") -> bytes:
    return "\r\n".join((heading, *rows, "")).encode(encoding)


def organisations(*rows: str) -> bytes:
    return table("统一社会信用代码,名称,类别,行政区划代码,基本存款账户", *rows)


FIRST = organisations(
    f"{OPERATOR},示例交易中心,交易中心运行机构,{CENTRE},",
    f"{A},示例甲有限公司,投标企业,{CENTRE},6222 0000 1111 2222",
    f"{B},示例乙有限公司,COMPANY,{CENTRE},",
)
LINKS = "owner_uscc,owned_uscc,relation,share_permille,since,until"


@pytest.fixture
def kept(tmp_path: Path, migrated_sqlite_url: str) -> Iterator[Office]:
    made = make_office(tmp_path, migrated_sqlite_url)
    yield made
    made.connections.dispose()


def take(office: Office, name: str, content: bytes, *, may_change: bool = False) -> Plan:
    with office.write() as tx:
        return service.take(tx, KEEPER, name, content, may_change=may_change)


def effects(plan: Plan) -> list[tuple[int, Effect]]:
    return [(line.row, line.effect) for line in plan.lines]


def faults(plan: Plan) -> dict[tuple[int, str], str]:
    return {(one.row, one.column): one.fault.code for one in plan.faults}


def stream(office: Office) -> list[tuple[str, Mapping[str, Any]]]:
    with office.read() as db:
        return [(entry.action, entry.data) for entry in journal.entries(db, parties.STREAM)]


class TestReading:
    """Tables as office programs write them (RFC 4180; GB 18030-2022)."""

    @settings(max_examples=30)
    @given(
        st.lists(st.text("示例甲乙丙丁省市ab", min_size=1, max_size=12), min_size=1, max_size=8),
        st.randoms(use_true_random=False),
        st.sampled_from(("utf-8", "utf-8-sig", "gb18030")),
        st.sampled_from(tuple(Language)),
    )
    def test_columns_in_any_order_encoding_and_language_mean_the_same(
        self, names: Sequence[str], dice: random.Random, encoding: str, language: Language
    ) -> None:
        """And what is known afterwards is not new a second time."""
        wanted = [
            Organisation(FIRMS[n], name, OrganisationKind.COMPANY, CENTRE)
            for n, name in enumerate(names)
        ]
        columns = dice.sample(ORGANISATIONS.columns, len(ORGANISATIONS.columns))
        content = table(
            ",".join(column.heading(language) for column in columns),
            *(
                ",".join(column.cell(getattr(each, column.name)) for column in columns)
                for each in wanted
            ),
            encoding=encoding,
        )
        empty = replace(ORGANISATIONS, known=lambda db, rows: ())
        plan = empty.plan(NOBODY, TODAY, content)
        assert [line.after for line in plan.of(Effect.NEW)] == wanted
        full = replace(ORGANISATIONS, known=lambda db, rows: wanted)
        again = full.plan(NOBODY, TODAY, content)
        assert again.count(Effect.SAME) == len(wanted) == len(again.lines)

    @pytest.mark.parametrize("name", list(REGISTERS))
    @pytest.mark.parametrize("language", list(Language))
    def test_a_template_is_an_empty_file_of_its_register(
        self, kept: Office, name: str, language: Language
    ) -> None:
        with kept.read() as db:
            plan = service.plan(db, name, REGISTERS[name].template(language), TODAY)
        assert [fault.fault.code for fault in plan.faults] == ["evaluation.table.heading"]

    def test_a_heading_is_refused_by_its_columns(self) -> None:
        empty = replace(ORGANISATIONS, known=lambda db, rows: ())
        plan = empty.plan(NOBODY, TODAY, table("名称,名称,电话,类别,行政区划代码", "a,b,c,d,e"))
        assert sorted(one.fault.code.rpartition(".")[2] for one in plan.faults) == [
            "column_missing", "column_twice", "column_unknown",
        ]  # fmt: skip

    def test_rows_are_counted_as_a_spreadsheet_counts_them(self) -> None:
        empty = replace(ORGANISATIONS, known=lambda db, rows: ())
        content = organisations(
            f"{A},甲,投标企业,{CENTRE},", "", ",,,,", f"{B},乙,不明,{CENTRE},12"
        )
        plan = empty.plan(NOBODY, TODAY, content)
        assert effects(plan) == [(2, Effect.NEW)]
        assert faults(plan) == {(5, "kind"): "evaluation.table.code"}


class TestOrganisations:
    """What is registered of organisations, all or nothing (招标投标法实施条例 第三十四条 asks who controls)."""

    def test_in_once_the_same_again_and_changed_only_when_said(
        self, database_url: str, tmp_path: Path
    ) -> None:
        office = make_office(tmp_path, database_url)
        assert take(office, "organisations", FIRST).count(Effect.NEW) == 3
        before = stream(office)
        assert take(office, "organisations", FIRST).count(Effect.SAME) == 3
        assert stream(office) == before, "the same file again is no act"
        other = organisations(f"{A},示例甲集团有限公司,投标企业,{CENTRE},")
        with refused("api.register.changes", Kind.CONFLICT):
            take(office, "organisations", other)
        plan = take(office, "organisations", other, may_change=True)
        (line,) = plan.lines
        assert [(c.column.name, c.before, c.after) for c in line.changes] == [
            ("name", "示例甲有限公司", "示例甲集团有限公司")
        ]
        with office.read() as db:
            found = parties.organisation(db, A)
        assert (found.name, found.basic_account) == ("示例甲集团有限公司", "6222000011112222")
        action, data = stream(office)[-1]
        assert (action, data["count"]) == ("trading:organisation:changed", 1)
        assert "6222" not in str(stream(office)), "the record tells no account"
        office.connections.dispose()

    def test_one_fault_keeps_all_out(self, kept: Office) -> None:
        bad = organisations(
            f"{A},示例甲有限公司,投标企业,{CENTRE},",
            f"{B[:-1]}!,,投标企业,539999,12",
            f"{A},示例甲有限公司,投标企业,{CENTRE},",
        )
        with kept.read() as db:
            plan = service.plan(db, "organisations", bad, TODAY)
        assert faults(plan) == {
            (3, "name"): "evaluation.table.text",
            (3, "uscc"): "trading.uscc.characters",
            (3, "division_code"): "trading.party.division",
            (3, "basic_account"): "trading.party.account",
            (4, "uscc"): "api.register.twice",
        }
        with refused("api.register.invalid", Kind.INVALID):
            take(kept, "organisations", bad)
        with kept.read() as db:
            assert not parties.organisations(db, [A])
        assert not stream(kept)

    def test_who_was_changed_meanwhile_is_not_overwritten(self, kept: Office) -> None:
        take(kept, "organisations", FIRST)
        with kept.read() as db:
            known = parties.organisation(db, A)
        stale = replace(known, name="another")
        with refused("trading.organisation.moved", Kind.CONFLICT), kept.write() as tx:
            parties.change_organisations(tx, KEEPER, [(stale, replace(stale, name="x"))])

    @pytest.mark.parametrize("role", [Role.STAFF, Role.POOL, Role.SUPERVISOR, Role.BIDDER])
    def test_others_are_refused(self, kept: Office, role: Role) -> None:
        stranger = Actor("stranger", frozenset({role}), CENTRE, A)
        with refused("archive.actor.role", Kind.FORBIDDEN), kept.write() as tx:
            service.take(tx, stranger, "organisations", FIRST, may_change=False)


class TestLinks:
    """控股、管理关系 by day: what was so on the day of an opening stays answerable (条例 第三十四条)."""

    @pytest.fixture
    def linked(self, kept: Office) -> Office:
        take(kept, "organisations", FIRST)
        take(kept, "links", table(LINKS, f"{A},{B},持股,51.5%,2020/1/5,"))
        return kept

    def test_a_share_is_read_as_a_percentage_too(self, linked: Office) -> None:
        with linked.read() as db:
            (link,) = parties.all_links(db)
        assert (link.relation, link.share_permille, link.since) == (
            Relation.SHARE, 515, date(2020, 1, 5),
        )  # fmt: skip

    def test_an_end_is_a_change_and_a_successor_wants_it(self, linked: Office) -> None:
        more = f"{A},{B},SHARE,300,2026-03-01,"
        with linked.read() as db:
            plan = service.plan(db, "links", table(LINKS, more), TODAY)
        assert faults(plan) == {(2, "since"): "api.register.overlap"}
        ended = f"{A},{B},SHARE,,2020-01-05,2026-03-01"
        plan = take(linked, "links", table(LINKS, more, ended), may_change=True)
        assert effects(plan) == [(2, Effect.NEW), (3, Effect.CHANGED)]
        with linked.read() as db:
            graph = parties.ownership(db, date(2026, 2, 28))
            assert graph.related(A, B)
            assert not parties.ownership(db, date(2026, 3, 1)).related(A, B)

    def test_a_share_does_not_change_and_strangers_have_none(self, linked: Office) -> None:
        rows = (f"{A},{B},SHARE,700,2020-01-05,", f"{A},{C},CONTROL,,2020-01-05,")
        with linked.read() as db:
            plan = service.plan(db, "links", table(LINKS, *rows), TODAY)
        assert faults(plan) == {
            (2, "share_permille"): "api.register.stays",
            (3, "owned_uscc"): "trading.organisation.unknown",
        }


class TestCentres:
    def test_a_centre_lies_where_its_division_lies(self, kept: Office) -> None:
        take(kept, "organisations", FIRST)
        heading = "行政区划代码,名称,运行机构信用代码"
        take(kept, "centres", table(heading, f"{CENTRE},示例中心,{OPERATOR}"))
        with kept.read() as db:
            assert parties.centre(db, CENTRE).lon > 90
        moved = table(heading + ",经度", f"{CENTRE},示例新中心,{OPERATOR},100.5")
        plan = take(kept, "centres", moved, may_change=True)
        assert {c.column.name for line in plan.lines for c in line.changes} == {"name", "lon"}
        with kept.read() as db:
            assert parties.centre(db, CENTRE).name == "示例新中心"


class TestCommand:
    def test_dry_run_then_in_then_nothing(
        self, tmp_path: Path, migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        from api.cli import main

        monkeypatch.setenv("BIGLOOP_DATA", str(tmp_path / "data"))
        monkeypatch.setenv("BIGLOOP_DATABASE_URL", migrated_sqlite_url)
        monkeypatch.setenv("BIGLOOP_LANGUAGE", "zh")
        file = tmp_path / "organisations.csv"
        file.write_bytes(FIRST.decode("utf-8-sig").encode("gb18030"))
        words = ["register", "organisations", str(file)]
        assert main([*words, "--dry-run"]) == 0
        assert "新增 3" in capsys.readouterr().out
        assert main(words) == 0
        assert "已登记" in capsys.readouterr().out
        assert main([*words, "--lang", "en"]) == 0
        assert "0 new, 0 changed" in capsys.readouterr().out
        file.write_bytes(
            organisations(f"{A},示例丙,投标企业,{CENTRE},", f"{C},,投标企业,{CENTRE},")
        )
        assert main(words) == 1
        said = capsys.readouterr()
        assert "第 3 行 名称" in said.err
        assert main(["register", "organisations", str(tmp_path / "nowhere")]) == 2
