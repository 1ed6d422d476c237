"""The demo's accounts: one of each role, with passwords that everybody may know."""

from __future__ import annotations

from collections import Counter

from api.demo import buying
from api.demo.acts.drawing import TRUSTEES_AFTER
from api.demo.doors import DOORS, MORE_DOORS, PASSWORD
from api.demo.people import staff
from api.demo.play import Play
from api.demo.province import REGISTRAR
from api.demo.script import host_of
from api.identity import service as identity
from api.identity.accounts import Account
from archive.actor import Role
from archive.journal import service as journal
from archive.office import Office
from archive.words import Language, say
from experts.draws import service as draws
from trading.projects import service as projects

EXPERT = "expert"


def guests(play: Play) -> tuple[Account, ...]:
    """Staff of a host of the day (of Dali, where Dali hosts), and a second person for what takes two; the department that supervises one of its
    lots, a bidder and the tenderer; the province's supervisor, who sees the whole day; and the issuer of
    whom most guarantees of the day are bought."""
    project = host_of([project for project, _ in play.script.values()])
    lot = project.lots[0]
    return (
        Account("staff", staff(project.centre_id).roles, centre_id=project.centre_id),
        Account("colleague", staff(project.centre_id).roles, centre_id=project.centre_id),
        Account("supervisor", frozenset({Role.SUPERVISOR})),
        Account("department", frozenset({Role.SUPERVISOR}), party_id=project.supervisor),
        Account("bidder", frozenset({Role.BIDDER}), party_id=lot.bids[0].bidder),
        Account("tenderer", frozenset({Role.TENDERER}), party_id=project.tenderer),
        Account("issuer", frozenset({Role.ISSUER}), party_id=_busiest_issuer(play)),
        Account("pool", frozenset({Role.POOL})),
        Account("operator", frozenset({Role.OPERATOR})),
    )


def _busiest_issuer(play: Play) -> str:
    codes = [made.issuer.uscc for made in play.province.issuers]
    bids = [bid for _, lot in play.script.values() for bid in lot.bids if bid.gives_guarantee]
    bought = Counter(buying.choice(codes, bid.bidder) for bid in bids)
    return bought.most_common(1)[0][0] if bought else min(codes)


def open_accounts(office: Office, play: Play) -> None:
    """Make those that are not there yet."""
    for account in guests(play):
        _open(office, account)


def open_expert_account(office: Office, host: str) -> bool:
    """The expert's account, once a committee is drawn: the first member of one that `host` has called
    together, so that all guests meet in one session. Whether it is there."""
    with office.read() as db:
        if identity.account(db, EXPERT) is not None:
            return True
        lots = sorted(projects.lots(db, centre_id=host), key=lambda lot: lot.id)
        drawn = (draw for lot in lots for draw in draws.draws_of_lot(db, lot.id))
        member = next((m for draw in drawn for m in draws.committee(db, draw.id)), None)
    if member is None:
        return False
    _open(office, Account(EXPERT, frozenset({Role.EXPERT}), party_id=member.expert_id))
    return True


def answer_guests(office: Office, play: Play, served: set[str]) -> None:
    """The invented trustees answer for a draw that a guest asked for too, as soon as they may, and those
    whom it calls answer; `served` are the draws that this was seen to for. Draws of the play's own staff
    have their acts on the calendar."""
    with office.read() as db:
        waiting = [one for one in draws.askings(db) if one.draw_id not in served]
        asked_by = {
            one.draw_id: next(iter(journal.entries(db, f"draw/{one.draw_id}", 0, 1))).actor
            for one in waiting
        }
    for one in waiting:
        served.add(one.draw_id)
        if asked_by[one.draw_id] != staff(one.centre_id).id:
            with office.write() as tx:
                due = max(tx.now, one.opens_at or tx.now) + TRUSTEES_AFTER
                play.later(tx, "trustees", {"draw": one.draw_id}, due)


def _open(office: Office, account: Account) -> None:
    with office.write() as tx:
        if identity.account(tx.db, account.id) is None:
            identity.create_account(tx, REGISTRAR, account, PASSWORD)


def accounts_text(address: str, play: Play) -> str:
    """What is printed at the start: the day, and an address for each of the four roles."""
    lines = [
        f"演示日 {play.day}(种子 {play.seed})/ evaluation day {play.day}, seed {play.seed}",
        f"首页 / start page: {address}/",
        f"接口文档 / API: {address}/api/docs",
        "",
        f"四个角色(口令均为 {PASSWORD})/ four roles, one password:",
    ]
    for door in DOORS:
        name = " / ".join(say(f"api.page.door.{door.account}", {}, each) for each in Language)
        lines.append(f"  {name}\n    {address}{door.path}")
    others = "、".join(door.account for door in MORE_DOORS)
    lines += [
        f"另有账号 / more accounts: {others}",
        "专家账号抽取后可用 / the expert can sign in once his committee is drawn",
    ]
    return "\n".join(lines)
