"""Parties: organisations, how they own and control each other, the trading centres, and what is
known of their honesty (失信记录).

Organisations are known by their unified social credit code. Links are dated: what was so on the day
of an opening stays answerable for ever. *Unknown is not clean*: an enterprise that nobody asked the
credit platforms about has no standing, good or bad.

Natural persons do not stand here, apart from the pseudonym under which two organisations have one
head. The list of the tenderers' own staff, branches and licences is not kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from archive.errors import Fault, Faults
from trading.divisions import yunnan
from trading.identifiers import uscc_fault

NAME_LENGTH_MAX = 200


class OrganisationKind(StrEnum):
    """What an organisation mostly is; a company may still be a tenderer once."""

    TENDERER = "TENDERER"  # 招标人、采购人
    AGENCY = "AGENCY"  # 招标代理机构
    SUPERVISOR = "SUPERVISOR"  # 行政监督部门
    COMPANY = "COMPANY"  # 投标企业
    OPERATOR = "OPERATOR"  # 交易中心运行机构
    ISSUER = "ISSUER"  # 保函开立机构
    STATE_ASSET = "STATE_ASSET"  # 国有资产监督管理机构: controls in name, decides for nobody
    FUND = "FUND"  # 投资基金
    EMPLOYER = "EMPLOYER"  # other units where experts work: institutes, universities, hospitals


class Relation(StrEnum):
    """How the first organisation of a link stands to the second (条例 第三十四条)."""

    SHARE = "SHARE"  # 持股; control only above the threshold
    CONTROL = "CONTROL"  # 控股、实际控制
    MANAGEMENT = "MANAGEMENT"  # 管理关系
    SAME_HEAD = "SAME_HEAD"  # 单位负责人为同一人; holds both ways


class Standing(StrEnum):
    """What is known of an organisation's honesty on a day."""

    CLEAN = "CLEAN"
    LISTED = "LISTED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Organisation:
    """`division_code` six digits (GB/T 2260); `basic_account` (基本存款账户) may be empty until it
    is needed; only bidders have one here."""

    uscc: str
    name: str
    kind: OrganisationKind
    division_code: str
    basic_account: str = ""


@dataclass(frozen=True)
class Link:
    """`owner_uscc` holds `share_permille` (0…1000) of `owned_uscc`, or controls it otherwise, from
    `since` until the day before `until` (None: still)."""

    owner_uscc: str
    owned_uscc: str
    relation: Relation
    share_permille: int
    since: date
    until: date | None = None

    def holds(self, on: date) -> bool:
        return self.since <= on and (self.until is None or on < self.until)


@dataclass(frozen=True)
class Centre:
    """A public resources trading centre (公共资源交易中心). Its id is its division's code."""

    id: str
    name: str
    division_code: str
    operator_uscc: str
    lon: float
    lat: float

    @property
    def prefecture_code(self) -> str:
        return yunnan()[self.division_code].prefecture_code


@dataclass(frozen=True)
class DishonestyRecord:
    """What a source answered about an organisation on `queried_on`.

    `listed_until` is the day on which a listing ends by itself (None: open), and only stands with
    `is_listed`. `source` names the register asked, `reference` its number of the case.
    """

    uscc: str
    source: str
    queried_on: date
    is_listed: bool
    listed_until: date | None = None
    reference: str = ""


def standing(records: Iterable[DishonestyRecord], on: date, query_days_max: int) -> Standing:
    """The standing that the records prove on a day.

    Of each source its newest answer up to `on` counts. Any that still lists: LISTED. Else any that
    is not older than `query_days_max` days: CLEAN. Else UNKNOWN. Two answers of one source on one
    day: the bad one counts.
    """
    newest: dict[str, DishonestyRecord] = {}
    for record in records:
        if record.queried_on > on:
            continue
        known = newest.get(record.source)
        if known is None or _age_key(record) > _age_key(known):
            newest[record.source] = record
    answers = newest.values()
    if any(a.is_listed and (a.listed_until is None or on < a.listed_until) for a in answers):
        return Standing.LISTED
    oldest = on - timedelta(days=query_days_max)
    if any(not a.is_listed and a.queried_on >= oldest for a in answers):
        return Standing.CLEAN
    return Standing.UNKNOWN


def _age_key(record: DishonestyRecord) -> tuple[date, bool]:
    return record.queried_on, record.is_listed


def check_organisation(organisation: Organisation, faults: Faults, pointer: str = "") -> None:
    """Add every fault of form."""
    check_uscc(organisation.uscc, faults, f"{pointer}/uscc")
    if not 0 < len(organisation.name.strip()) <= NAME_LENGTH_MAX:
        faults.add(f"{pointer}/name", "trading.party.name", length_max=NAME_LENGTH_MAX)
    code = organisation.division_code
    if len(code) != 6 or not (code.isascii() and code.isdigit()):
        faults.add(f"{pointer}/division_code", "trading.party.division", value=code[:20])
    elif code.startswith("53") and code not in yunnan():
        faults.add(f"{pointer}/division_code", "trading.party.division", value=code)
    account = organisation.basic_account
    if account and not (account.isascii() and account.isdigit() and 8 <= len(account) <= 32):
        faults.add(f"{pointer}/basic_account", "trading.party.account")


def check_link(link: Link, faults: Faults, pointer: str = "") -> None:
    """Add every fault of form."""
    check_uscc(link.owner_uscc, faults, f"{pointer}/owner_uscc")
    check_uscc(link.owned_uscc, faults, f"{pointer}/owned_uscc")
    if link.owner_uscc == link.owned_uscc:
        faults.add(f"{pointer}/owned_uscc", "trading.link.itself")
    if not 0 <= link.share_permille <= 1000:
        faults.add(f"{pointer}/share_permille", "trading.link.share", value=link.share_permille)
    if link.until is not None and link.until <= link.since:
        faults.add(f"{pointer}/until", "trading.link.interval")


def check_centre(centre: Centre, faults: Faults, pointer: str = "") -> None:
    """Add every fault of form."""
    code = centre.division_code
    if centre.id != code or code not in yunnan():
        faults.add(f"{pointer}/division_code", "trading.party.division", value=code[:20])
    if not 0 < len(centre.name.strip()) <= NAME_LENGTH_MAX:
        faults.add(f"{pointer}/name", "trading.party.name", length_max=NAME_LENGTH_MAX)
    for name, value, most in (("lon", centre.lon, 180), ("lat", centre.lat, 90)):
        if not -most <= value <= most:
            faults.add(f"{pointer}/{name}", "trading.centre.degrees", degrees_max=most)


def check_answer(record: DishonestyRecord, today: date, faults: Faults, pointer: str = "") -> None:
    """Add every fault of form."""
    if not record.source.strip():
        faults.add(f"{pointer}/source", "trading.dishonesty.source")
    if record.queried_on > today:
        faults.add(f"{pointer}/queried_on", "trading.dishonesty.future")
    if record.listed_until is not None and not record.is_listed:
        faults.add(f"{pointer}/listed_until", "trading.dishonesty.until")


def check_uscc(text: str, faults: Faults, pointer: str) -> None:
    """Add the fault of a credit code, if it has one."""
    reason = uscc_fault(text)
    if reason is not None:
        faults.extend((Fault(pointer, reason.code, reason.params),))
