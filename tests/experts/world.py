"""A small world for tests of the draw: 96 made-up experts in 16 prefectures, three specialties,
a tenderer, an agency, a supervisor, and bidders with a control chain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from archive.actor import Actor, Role
from archive.clock import DrivenClock
from archive.office import Office, Tx
from experts.draws import service as draws
from experts.draws.request import DrawRequest, Quota
from experts.draws.service import Draw
from experts.pool import service as pool
from experts.pool.expert import Expert, Title
from experts.trustees import service as trustees
from experts.trustees import synthetic
from tests.builders import CENTRE, POOL_OFFICE, STAFF, START, make_office
from trading.divisions import yunnan
from trading.identifiers import make_uscc
from trading.money import Money
from trading.parties import service as parties
from trading.parties.party import Link, Organisation, OrganisationKind, Relation
from trading.regime import ProjectKind, Regime

TODAY = date(2026, 10, 21)
SYSTEM = Actor("system", frozenset({Role.SYSTEM}))
PROVINCE_STAFF = Actor("province-1", frozenset({Role.POOL}))
PROVINCE_SUPERVISOR = Actor("province-2", frozenset({Role.SUPERVISOR}))
TRUSTEES = synthetic.trustees(b"world")
CODES = ("A060101", "A080104", "C1210")


def uscc(number: int) -> str:
    return make_uscc(f"91532901XN{number:07d}")


TENDERER, AGENCY, AUTHORITY = uscc(1), uscc(2), uscc(3)
SUPERVISOR = Actor("supervisor-1", frozenset({Role.SUPERVISOR}), party_id=AUTHORITY)
BIDDERS = (uscc(11), uscc(12), uscc(13))
HOLDING, SUBSIDIARY = uscc(21), uscc(22)
"""HOLDING controls BIDDERS[0]; it also controls SUBSIDIARY, which bids nowhere."""

PREFECTURES = sorted({d.prefecture_code for d in yunnan().values() if d.level == 2})


def employer(number: int) -> str:
    return uscc(1000 + number)


def make_expert(number: int, **changes: Any) -> Expert:
    """Expert `number`, eligible for everything unless changed."""
    prefecture = PREFECTURES[number % len(PREFECTURES)]
    counties = sorted(
        d.code for d in yunnan().values() if d.level == 3 and d.prefecture_code == prefecture
    )
    home = counties[-1 - number // 16 % 2]
    values: dict[str, Any] = {
        "id": f"E{number:04d}",
        "name": f"王某{number:04d}",
        "gender": "女" if number % 3 else "男",
        "born": date(1970, 1, 1) + timedelta(days=number),
        "employer_uscc": employer(number // 2),
        "past_employers": (),
        "board_seats": (),
        "declared_units": (),
        "specialties": (CODES[number % 3],) if number % 5 else (CODES[0], CODES[1]),
        "home_division": home,
        "lon": yunnan()[home].lon,
        "lat": yunnan()[home].lat,
        "title_level": Title.SENIOR,
        "field_years": 12,
        "enrolled_on": date(2024, 5, 6),
    }
    return Expert(**{**values, **changes})


def make_pool(count: int = 96) -> list[Expert]:
    """Ninety-six experts: some suspended by age, one bound to the tenderer, three to bidders."""
    changes: Mapping[int, dict[str, Any]] = {
        3: {"born": date(1956, 10, 21)},
        4: {"employer_uscc": TENDERER},
        7: {"board_seats": (BIDDERS[1],)},
        10: {"declared_units": (BIDDERS[2],)},
        13: {"employer_uscc": SUBSIDIARY},
        16: {"past_employers": ((AGENCY, date(2025, 3, 1)),)},
    }
    return [make_expert(number, **changes.get(number, {})) for number in range(count)]


def organisations() -> list[Organisation]:
    kinds = {
        TENDERER: OrganisationKind.TENDERER,
        AGENCY: OrganisationKind.AGENCY,
        AUTHORITY: OrganisationKind.SUPERVISOR,
    }
    named = [TENDERER, AGENCY, AUTHORITY, *BIDDERS, HOLDING, SUBSIDIARY]
    return [
        Organisation(
            code, f"滇示例{code[-5:]}单位", kinds.get(code, OrganisationKind.COMPANY), "532901"
        )
        for code in named
    ]


LINKS = (
    Link(HOLDING, BIDDERS[0], Relation.SHARE, 800, date(2015, 1, 1)),
    Link(HOLDING, SUBSIDIARY, Relation.CONTROL, 0, date(2015, 1, 1)),
)


def make_request(lot_id: str = "lot-1", **changes: Any) -> DrawRequest:
    values: dict[str, Any] = {
        "centre_id": CENTRE,
        "lot_id": lot_id,
        "regime": Regime.ZTB,
        "kind": ProjectKind.WORKS,
        "division_code": "532901",
        "tenderer_uscc": TENDERER,
        "agency_uscc": AGENCY,
        "supervisor_uscc": AUTHORITY,
        "estimate": Money.yuan("5000000"),
        "evaluation_at": START + timedelta(hours=20),
        "quotas": (Quota(CODES[1], 3), Quota(CODES[0], 2)),
    }
    return DrawRequest(**{**values, **changes})


def open_office(folder: Path, url: str | None = None) -> Office:
    """An office whose database holds the small world; `url` is a migrated, empty one."""
    office = make_office(folder, url)
    with office.write() as tx:
        parties.register_organisations(tx, STAFF, organisations())
        parties.register_links(tx, STAFF, LINKS)
        pool.enrol_many(tx, POOL_OFFICE, make_pool())
        register_trustees(tx)
    return office


def register_trustees(
    tx: Tx, holders: Iterable[synthetic.SyntheticTrustee] = TRUSTEES, days: int = 1000
) -> None:
    """Enter and confirm them, valid from yesterday on."""
    since = tx.now - timedelta(days=1)
    for holder in holders:
        trustees.register_trustee(
            tx,
            PROVINCE_STAFF,
            holder.id,
            holder.name,
            holder.key,
            holder.possession,
            since,
            since + timedelta(days=days),
        )
        trustees.confirm_trustee(tx, PROVINCE_SUPERVISOR, holder.id)


def forward(office: Office, **delta: float) -> None:
    clock = office.clock
    assert isinstance(clock, DrivenClock)
    clock.move_to(clock.now() + timedelta(**delta))


def request(office: Office, asked: DrawRequest | None = None) -> Draw:
    with office.write() as tx:
        return draws.request_draw(tx, STAFF, asked or make_request())


def give_outputs(
    office: Office, draw: Draw, holders: Iterable[synthetic.SyntheticTrustee] = TRUSTEES
) -> Draw:
    """These trustees answer what is asked now."""
    for holder in holders:
        with office.write() as tx:
            asked = draws.asking_of(tx.db, draw.id)
            proof = holder.answer(asked.request_hash, asked.number, asked.public_value)
            draw = draws.give_output(tx, draw.id, holder.id, proof)
    return draw


def perform(office: Office, asked: DrawRequest | None = None) -> Draw:
    """A draw up to its first open round."""
    return give_outputs(office, request(office, asked))


def answer_all(
    office: Office, draw: Draw, accepts: Callable[[str], bool | None] = lambda _: True
) -> Draw:
    """Answer for everybody who is asked (None: silent) until the draw is seated or ended."""
    while draw.state.value == "INVITING":
        with office.read() as db:
            asked = [item.expert_id for item in draws.invited(db, draw.id) if not item.answer]
        for expert_id in asked:
            said = accepts(expert_id)
            if said is not None:
                with office.write() as tx:
                    draws.answer(tx, SYSTEM, draw.id, expert_id, said)
        forward(office, minutes=31)
        with office.write() as tx:
            draw = draws.settle(tx, STAFF, draw.id)
    return draw
