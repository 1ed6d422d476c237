"""The synthetic province: of the right size, repeatable, and visibly made up."""

from collections import Counter
from datetime import date

from archive.errors import Faults
from archive.office import Office
from tests.builders import STAFF
from trading.divisions import yunnan
from trading.identifiers import is_uscc
from trading.parties import service as parties
from trading.parties.ownership import Ownership
from trading.parties.party import (
    OrganisationKind,
    Relation,
    Standing,
    check_link,
    check_organisation,
)
from trading.synthetic import SEATS, Dice, centres, supervisor_of
from trading.synthetic import parties as make_parties

PROVINCE = make_parties()
TODAY = date(2026, 10, 21)


def test_centres_are_sixteen_prefectures_and_most_counties() -> None:
    found = {centre.id: centre for centre in centres()}
    levels = Counter(yunnan()[code].level for code in found)
    assert levels[2] == 16
    assert len(found) == 141
    assert sum(code.startswith("5329") for code in found) == 12
    assert {"532900", "532901"} <= set(found)
    for prefecture, seat in SEATS.items():
        assert yunnan()[seat].prefecture_code == prefecture
        point = yunnan()[seat]
        assert (found[prefecture].lon, found[prefecture].lat) == (point.lon, point.lat)


def test_every_row_is_in_form_and_says_that_it_is_made_up() -> None:
    faults = Faults("x")
    for organisation in PROVINCE.organisations:
        check_organisation(organisation, faults)
        assert "示例" in organisation.name
        assert "XN" in organisation.uscc
    for link in PROVINCE.links:
        check_link(link, faults)
    faults.refuse()
    assert len({o.uscc for o in PROVINCE.organisations}) == len(PROVINCE.organisations)


def test_numbers() -> None:
    kinds = Counter(o.kind for o in PROVINCE.organisations)
    assert kinds[OrganisationKind.COMPANY] == 2000
    assert kinds[OrganisationKind.EMPLOYER] == 1500
    assert kinds[OrganisationKind.OPERATOR] == 141
    companies = {o.uscc for o in PROVINCE.of_kind(OrganisationKind.COMPANY)}
    assert len(companies & set(PROVINCE.employers)) > 100
    assert all(is_uscc(code) for code in PROVINCE.employers)
    assert supervisor_of("532901") in {o.uscc for o in PROVINCE.organisations}
    accounts = [o.basic_account for o in PROVINCE.of_kind(OrganisationKind.COMPANY)]
    assert len(set(accounts)) == len(accounts)


def test_groups_are_chains_and_minorities_at_most_four_deep() -> None:
    inside = {o.uscc for o in PROVINCE.of_kind(OrganisationKind.COMPANY)}
    trees = [
        link
        for link in PROVINCE.links
        if link.relation is not Relation.MANAGEMENT and {link.owner_uscc, link.owned_uscc} <= inside
    ]
    graph = Ownership(trees, TODAY, 500)
    depths = [max(graph.controllers_of(code).values(), default=0) for code in inside]
    assert max(depths) in (2, 3, 4)
    assert sum(len(graph.group_of(code)) > 1 for code in inside) > 400
    minorities = [x for x in trees if x.relation is Relation.SHARE and x.share_permille <= 300]
    assert len(minorities) > 200


def test_a_seed_repeats_itself_and_another_differs() -> None:
    assert make_parties() == PROVINCE
    assert make_parties(b"other").links != PROVINCE.links
    assert make_parties(companies=10, employers=3, tenderers=2, agencies=1, issuers=1).links


def test_dice_are_fair_enough() -> None:
    dice = Dice(b"fair")
    counts = Counter(dice.below(6) for _ in range(6000))
    assert set(counts) == set(range(6))
    assert max(counts.values()) - min(counts.values()) < 200
    items = list(range(50))
    dice.shuffle(items)
    assert sorted(items) == list(range(50)) != items
    assert len(set(dice.sample(items, 20))) == 20
    assert 400 < sum(dice.chance(500) for _ in range(1000)) < 600


def test_the_province_loads(any_office: Office) -> None:
    with any_office.write() as tx:
        parties.register_organisations(tx, STAFF, PROVINCE.organisations)
        parties.register_links(tx, STAFF, PROVINCE.links)
        parties.register_centres(tx, STAFF, PROVINCE.centres)
        parties.record_dishonesties(tx, STAFF, PROVINCE.dishonesty)
    with any_office.read() as db:
        held = [link for link in PROVINCE.links if link.holds(TODAY)]
        assert parties.ownership_links(db, TODAY) == held
        assert parties.centres(db) == list(PROVINCE.centres)
        codes = [o.uscc for o in PROVINCE.of_kind(OrganisationKind.COMPANY)]
        counts = Counter(parties.standings_on(db, codes, TODAY).values())
    assert counts[Standing.CLEAN] > 1600
    assert counts[Standing.UNKNOWN] > 100
    assert counts[Standing.LISTED] > 10
