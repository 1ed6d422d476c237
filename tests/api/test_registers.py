"""Registers from files: what a file would do, what it does, what it is refused for."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from api.registers import service
from api.registers.kinds import ACCOUNTS, ORGANISATIONS, REGISTERS
from api.registers.kinds import LINKS as LINKS_REGISTER
from api.registers.register import Effect, Plan
from archive.actor import Actor, Role
from archive.errors import Kind
from archive.journal import service as journal
from archive.office import Office
from archive.words import Language
from deposits.cash.bank import CentreAccount
from deposits.issuers import service as issuers
from evaluation.stations import service as stations
from evaluation.venues import service as directory
from tests.builders import CENTRE, make_office
from tests.trading.world import FIRMS, OPERATOR, refused
from trading.money import Money
from trading.parties import service as parties
from trading.parties.party import Organisation, OrganisationKind, Relation, Standing

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
CENTRES = "行政区划代码,名称,运行机构信用代码"
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


def stream(office: Office, name: str = parties.STREAM) -> list[tuple[str, Mapping[str, Any]]]:
    with office.read() as db:
        return [(entry.action, entry.data) for entry in journal.entries(db, name)]


def comes_back(office: Office, *names: str) -> None:
    """What is registered, sent again as it comes out, is nothing new in either language."""
    with office.read() as db:
        for name in names:
            for language in Language:
                plan = service.plan(db, name, REGISTERS[name].file(db, language), TODAY)
                assert plan.lines
                assert plan.count(Effect.SAME) == len(plan.lines), (name, plan.faults)
                assert not plan.faults


def founded(office: Office) -> None:
    """Organisations and a centre."""
    take(office, "organisations", FIRST)
    take(office, "centres", table(CENTRES, f"{CENTRE},示例中心,{OPERATOR}"))


def root(name: str, *, last: date = date(2036, 1, 1), is_authority: bool = True) -> bytes:
    """A certificate in PEM, signed by itself."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(subject, subject, key.public_key(), 1)
    made = made.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(last.year, last.month, last.day, tzinfo=UTC)
    )
    made = made.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    return made.sign(key, None).public_bytes(Encoding.PEM)


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
                ",".join(column.cell(getattr(each, column.name), language) for column in columns)
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

    @pytest.mark.parametrize("name", [name for name in REGISTERS if name != "roots"])
    @pytest.mark.parametrize("language", list(Language))
    def test_a_template_is_an_empty_file_of_its_register(
        self, kept: Office, name: str, language: Language
    ) -> None:
        with kept.read() as db:
            plan = service.plan(db, name, REGISTERS[name].file(None, language), TODAY)
        assert [fault.fault.code for fault in plan.faults] == ["trading.table.heading"]

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
        assert faults(plan) == {(5, "kind"): "api.register.no_organisation_kind"}

    def test_a_row_ends_at_a_line_end_of_csv_alone(self) -> None:
        """RFC 4180: not at U+2028, U+0085 or a form feed, which are a fault of their cell."""
        empty = replace(ORGANISATIONS, known=lambda db, rows: ())
        for sign in "\u2028\x85\f":
            plan = empty.plan(NOBODY, TODAY, organisations(f"{A},甲{sign}乙,投标企业,{CENTRE},"))
            assert faults(plan) == {(2, "name"): "trading.table.formula"}


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
            (3, "name"): "trading.table.text",
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
        comes_back(linked, "links")

    def test_a_share_does_not_change_and_strangers_have_none(self, linked: Office) -> None:
        rows = (f"{A},{B},SHARE,700,2020-01-05,", f"{A},{C},CONTROL,,2020-01-05,")
        with linked.read() as db:
            plan = service.plan(db, "links", table(LINKS, *rows), TODAY)
        assert faults(plan) == {
            (2, "share_permille"): "api.register.stays",
            (3, "owned_uscc"): "trading.organisation.unknown",
        }

    def test_who_enters_the_same_at_the_same_moment_is_told(
        self, linked: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As if the other's links had come in after the look at what is known."""
        blind = replace(LINKS_REGISTER, known=lambda db, rows: ())
        monkeypatch.setitem(cast("dict[str, Any]", REGISTERS), "links", blind)
        rows = (f"{A},{B},SHARE,515,2020-01-05,", f"{B},{A},CONTROL,,2020-01-05,")
        with refused("api.register.moved", Kind.CONFLICT):
            take(linked, "links", table(LINKS, *rows))
        with linked.read() as db:
            assert len(parties.all_links(db)) == 1


class TestCentres:
    def test_a_centre_lies_where_its_division_lies(self, kept: Office) -> None:
        founded(kept)
        with kept.read() as db:
            assert parties.centre(db, CENTRE).lon > 90
        moved = table(CENTRES + ",经度", f"{CENTRE},示例新中心,{OPERATOR},100.5")
        plan = take(kept, "centres", moved, may_change=True)
        assert {c.column.name for line in plan.lines for c in line.changes} == {"name", "lon"}
        comes_back(kept, "organisations", "centres")
        with kept.read() as db:
            assert parties.centre(db, CENTRE).name == "示例新中心"


class TestPlaces:
    """评标场所工位共享目录 (发改办法规〔2025〕807号 三), other provinces' venues too, and their rooms."""

    ROOMS = "交易中心编号,可通宵,评标室,设备类别,工位数"
    VENUES = "场所编号,名称,省份代码,工位数,开放时间,可通宵,每席半天费用,五大功能区"

    def test_rooms_are_new_the_same_and_larger(self, kept: Office) -> None:
        founded(kept)
        first = table(self.ROOMS, f"{CENTRE},是,A,普通,4", f"{CENTRE},是,B,CAD,2")
        assert take(kept, "rooms", first).count(Effect.NEW) == 2
        assert take(kept, "rooms", first).count(Effect.SAME) == 2
        larger = table(self.ROOMS, f"{CENTRE},是,A,普通,6", f"{CENTRE},是,B,双屏,2")
        with kept.read() as db:
            plan = service.plan(db, "rooms", larger, TODAY)
        assert faults(plan) == {(3, "equipment"): "evaluation.station.class_stays"}
        larger = table(self.ROOMS, f"{CENTRE},是,A,普通,6")
        plan = take(kept, "rooms", larger, may_change=True)
        assert [(c.column.name, c.before, c.after) for c in plan.lines[0].changes] == [
            ("stations", 4, 6)
        ]
        with kept.read() as db:
            (venue,) = stations.installed(db)
        assert {room.name: room.stations for room in venue.rooms} == {"A": 6, "B": 2}

    def test_a_venue_of_another_province_comes_with_its_agreement(self, kept: Office) -> None:
        abroad = f"{self.VENUES},合作协议,协议起始日,协议截止日,行政区划代码,经度,纬度"
        row = "520000-1,示例外省中心,52,4,1-5:AM PM,否,80,开标区 评标区"
        with kept.read() as db:
            plan = service.plan(db, "venues", table(self.VENUES, row), TODAY)
        assert "evaluation.venue.agreement_needed" in faults(plan).values()
        whole = f"{row},示例协议,2026-01-01,2026-12-31,520201,104.83,26.59"
        take(kept, "venues", table(abroad, whole))
        assert take(kept, "venues", table(abroad, whole)).count(Effect.SAME) == 1
        take(kept, "rooms", table(self.ROOMS, "520000-1,否,U,普通,4"))
        dearer = table(self.VENUES, row.replace(",80,", ",90.50,"))
        plan = take(kept, "venues", dearer, may_change=True)
        (change,) = plan.lines[0].changes
        assert change.column.text(change.after, Language.ZH) == "90.50"
        with kept.read() as db:
            entry = directory.entry(db, "520000-1")
        assert entry is not None
        assert (entry.fee, entry.agreement) == (Money.yuan("90.50"), "示例协议")
        comes_back(kept, "venues", "rooms")


class TestAccounts:
    """Where deposits in cash are kept (招标投标法实施条例 第二十六条)."""

    def test_a_wrong_number_is_put_right_until_a_statement_has_come(self, kept: Office) -> None:
        founded(kept)
        heading = "centre_id,number,bank_name"
        take(kept, "accounts", table(heading, f"{CENTRE},6222000011112222,示例银行"))
        right = table(heading, f"{CENTRE},6222000011113333,示例银行")
        plan = take(kept, "accounts", right, may_change=True)
        (change,) = plan.lines[0].changes
        assert change.column.text(change.after, Language.ZH) == "…3333"
        comes_back(kept, "accounts")
        known = CentreAccount(CENTRE, "6222000011113333", "示例银行", 2)
        used = replace(ACCOUNTS, known=lambda db, rows: [known])
        with kept.read() as db:
            later = used.plan(db, TODAY, table(heading, f"{CENTRE},6222000011114444,示例银行"))
        assert faults(later) == {(2, "number"): "deposits.cash.account_used"}


class TestDishonesty:
    """Unknown is not clean: what a register answered is kept by day and never rewritten."""

    def test_an_answer_stands(self, kept: Office) -> None:
        take(kept, "organisations", FIRST)
        heading = "统一社会信用代码,查询来源,查询日期,是否失信,列入截止日期"
        take(kept, "dishonesty", table(heading, f"{A},示例名录,2026年10月1日,是,2027-01-01"))
        with kept.read() as db:
            assert parties.dishonesty_on(db, A, TODAY) is Standing.LISTED
        comes_back(kept, "dishonesty")
        with kept.read() as db:
            rows = (f"{A},示例名录,2026-10-01,是,2026-10-02", f"{B},示例名录,2026-10-22,否,")
            plan = service.plan(db, "dishonesty", table(heading, *rows), TODAY)
        assert faults(plan) == {
            (2, "listed_until"): "api.register.stays",
            (3, "queried_on"): "trading.dishonesty.future",
        }


class TestIssuers:
    """Who may issue guarantees, by which keys (16号令 §11: no institution is named or preferred)."""

    HEADING = "uscc,name,forms,licence,licensed_from,licensed_to"
    KEYS = "issuer_uscc,algorithm,public_key,valid_from,valid_to"

    def test_a_licence_is_renewed_and_a_key_ended(self, kept: Office) -> None:
        take(kept, "organisations", organisations(f"{A},示例保险,保函开立机构,{CENTRE},"))
        first = f"{A},示例保险,银行保函、INSURANCE,L-1,2024-01-01,2026-12-31"
        take(kept, "issuers", table(self.HEADING, first))
        key = f"{A},ED25519,{'ab' * 32},2024-01-01,"
        take(kept, "keys", table(self.KEYS, f"{key}2027-12-31"))
        renewed = first.replace("L-1", "L-2").replace("2026-12-31", "2029-12-31")
        take(kept, "issuers", table(self.HEADING, renewed), may_change=True)
        take(kept, "keys", table(self.KEYS, f"{key}2026-10-21"), may_change=True)
        with kept.read() as db:
            found = issuers.issuer(db, A)
            assert (found.licence, found.licensed_to) == ("L-2", date(2029, 12, 31))
            assert found.keys_on(date(2026, 10, 21))
            assert not found.keys_on(date(2026, 10, 22))
            late = first.replace("2024-01-01", "2026-01-01")
            assert faults(service.plan(db, "issuers", table(self.HEADING, late), TODAY)) == {
                (2, "licensed_from"): "deposits.issuer.begins"
            }
            rows = (f"{key}2026-10-01", f"{A},SM2,{'cd' * 32},2024-01-01,2027-01-01",
                    f"{A},SM2,xyz,2024-01-01,2023-01-01", f"{B},SM2,{'cd' * 64},2024-01-01,2027-01-01")  # fmt: skip
            assert faults(service.plan(db, "keys", table(self.KEYS, *rows), TODAY)) == {
                (2, "valid_to"): "deposits.issuer.key_end",
                (3, "public_key"): "deposits.issuer.key_bytes",
                (4, "public_key"): "api.register.hexadecimal",
                (5, "issuer_uscc"): "deposits.issuer.unknown",
            }
        comes_back(kept, "issuers", "keys")
        said = [entry for entry, _ in stream(kept, "issuers")]
        assert said == [
            "deposits:issuer:registered", "deposits:issuer:key_added",
            "deposits:issuer:changed", "deposits:issuer:key_ended",
        ]  # fmt: skip


class TestRoots:
    """RFC 5280, 4.2.1.9: a root is an authority's certificate. A list takes the place of the former."""

    def test_new_same_gone(self, kept: Office) -> None:
        one, other = root("示例根甲"), root("示例根乙")
        assert take(kept, "roots", one).count(Effect.NEW) == 1
        assert take(kept, "roots", one).count(Effect.SAME) == 1
        with refused("api.register.changes", Kind.CONFLICT):
            take(kept, "roots", other)
        plan = take(kept, "roots", other, may_change=True)
        assert effects(plan) == [(1, Effect.NEW), (0, Effect.GONE)]
        with kept.read() as db:
            assert issuers.trust_list(db).version == 2
            for bad in (b"", b"\xff", one[:300], root("示例终端", is_authority=False)):
                assert service.plan(db, "roots", bad, TODAY).faults
            ended = service.plan(db, "roots", root("示例", last=date(2026, 1, 1)), TODAY)
        assert faults(ended) == {(1, ""): "api.register.root_ended"}


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
        said_again = capsys.readouterr().out
        assert "0 new, 0 changed" in said_again
        assert "registered already" in said_again
        file.write_bytes(
            organisations(f"{A},示例丙,投标企业,{CENTRE},", f"{C},,投标企业,{CENTRE},")
        )
        assert main(words) == 1
        said = capsys.readouterr()
        assert "第 3 行 名称" in said.err
        assert main(["register", "organisations", str(tmp_path / "nowhere")]) == 2
        monkeypatch.setattr("sys.stdin", io.StringIO("a password of a test\n"))
        assert main(["account", "create", "clerk", "--role", "staff", "--centre", "999999"]) == 0
        assert "999999" in capsys.readouterr().err, "no such centre: a note, for it may come later"
        monkeypatch.setenv("BIGLOOP_DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
        assert main(words) == 1
        assert "bigloop migrate" in capsys.readouterr().err
