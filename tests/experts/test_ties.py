"""政府采购法实施条例 第九条、招标投标法实施条例 第四十六条: whom ownership excludes can be found again by
a stranger. The audit transcript opens all links between companies against the digest that the request
fixed, and both verifiers work out the ties, at the request and at the opening."""

import copy
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from archive import canonical
from archive.office import Office
from experts.conflicts.affiliations import lines_digest, read_lines
from experts.draws import service as draws
from experts.identities import service as identities
from experts.identities.proposal import Kind
from experts.pool.standing import service as standing
from experts.pool.standing.machine import Penalise
from experts.rules import DrawRules, rules_for
from tests.builders import POOL_OFFICE, STAFF, make_office
from tests.experts import world
from tests.experts.test_verify import (
    failed,
    filtered,
    rechained,
    remembered,
    step_of,
    sweep,
)
from tests.experts.world import AGENCY, BIDDERS, SUPERVISOR, TENDERER, employer, uscc
from trading.identifiers import make_uscc
from trading.parties import service as parties
from trading.parties.party import Link, Organisation, OrganisationKind, Relation

__all__ = ["remembered"]
STATE = uscc(50)
OTHER_CODE = make_uscc("91530100XN0001024")
"""Another code of `employer(24)`."""
SINCE = date(2015, 1, 1)
LINKS = (
    Link(TENDERER, employer(20), Relation.CONTROL, 0, SINCE),
    Link(employer(20), employer(21), Relation.SHARE, 510, SINCE),
    Link(AGENCY, employer(22), Relation.SHARE, 300, SINCE),
    Link(STATE, TENDERER, Relation.CONTROL, 0, SINCE),
    Link(STATE, employer(23), Relation.CONTROL, 0, SINCE),
    Link(TENDERER, OTHER_CODE, Relation.SAME_HEAD, 0, SINCE),
    Link(TENDERER, employer(25), Relation.SHARE, 200, SINCE),
    Link(TENDERER, employer(26), Relation.CONTROL, 0, SINCE, date(2020, 1, 1)),
    Link(employer(30), employer(31), Relation.CONTROL, 0, SINCE),
)
CONTROL, INTEREST = "experts.conflict.control_group", "experts.conflict.interest"


def tie(office: Office) -> None:
    """Companies around the tenderer: some bound to it by control, one by an interest, some not."""
    codes = sorted(
        {end for x in LINKS for end in (x.owner_uscc, x.owned_uscc)} - {TENDERER, AGENCY}
    )
    codes += [employer(24)]
    state = {STATE: OrganisationKind.STATE_ASSET}
    with office.write() as tx:
        parties.register_organisations(
            tx,
            STAFF,
            [
                Organisation(
                    code,
                    f"滇示例{code[-6:]}所",
                    state.get(code, OrganisationKind.EMPLOYER),
                    "532901",
                )
                for code in codes
            ],
        )
        parties.register_links(tx, STAFF, LINKS)
        one, other = sorted((OTHER_CODE, employer(24)))
        made = identities.propose(tx, POOL_OFFICE, Kind.COMPANY, one, other, ("code",))
        identities.decide(tx, POOL_OFFICE, made.id, is_same=True)


def audit_of(office: Office, draw_id: str) -> Any:
    with office.read() as db:
        return json.loads(canonical.encode(draws.audit_transcript(db, draw_id)))


@pytest.fixture(scope="module")
def audit(world_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A draw whose candidates hang together, checked again at the opening; in between one was penalised."""
    folder: Path = tmp_path_factory.mktemp("ties")
    shutil.copytree(world_folder, folder, dirs_exist_ok=True)
    office = make_office(folder, f"sqlite:///{folder}/bigloop.db", seed=b"2")
    tie(office)
    draw = world.answer_all(office, world.perform(office))
    with office.read() as db:
        seated = draws.committee(db, draw.id)[0].expert_id
    with office.write() as tx:
        standing.act(tx, SUPERVISOR, seated, Penalise("处罚决定(示例)"))
    with office.write() as tx:
        draw = draws.recheck(tx, STAFF, draw.id, BIDDERS).draw
    world.answer_all(office, draw)
    yield audit_of(office, draw.id)
    office.connections.dispose()


def by_expert(value: Any) -> dict[str, Any]:
    return {candidate["facts"]["id"]: candidate for candidate in value["candidates"]}


class TestTies:
    def test_who_is_bound_is_out_and_who_is_not_is_in(self, audit: Any) -> None:
        assert failed(audit) == ""
        reasons = {who: one["reasons"] for who, one in by_expert(audit).items()}
        assert all(
            reasons[who] == [CONTROL] for who in ("E0040", "E0042", "E0043", "E0048", "E0049")
        )
        assert reasons["E0045"] == [INTEREST]
        assert all(reasons[who] == [] for who in ("E0046", "E0051", "E0052"))

    def test_at_the_opening_by_the_bidders_and_by_what_had_changed(self, audit: Any) -> None:
        said = step_of(audit, "RECHECKED")
        assert {"experts.conflict.penalised", CONTROL} <= set(said["reasons"])
        (grounds,) = audit["audit"]["rechecks"]
        assert len(grounds["facts"]) == 1
        assert ["BIDDER", BIDDERS[0]] in grounds["context"]["parties"]

    def test_the_public_one_says_only_digests(self, audit: Any) -> None:
        assert set(audit["request"]["context"]) == {"hash", "affiliations"}
        text = canonical.encode({**audit, "audit": None, "candidates": None}).decode()
        assert STATE not in text
        assert BIDDERS[0] not in text

    def test_every_bit_of_the_links_and_grounds_is_bound(self, audit: Any) -> None:
        """One flipped bit, or a line that is missing, stands twice or elsewhere, is refused at the
        filter."""
        (digest,) = audit["audit"]["affiliations"]
        lines = audit["audit"]["affiliations"][digest]
        assert (
            sweep(audit, [("audit", "affiliations", digest, at) for at in range(len(lines))]) > 10
        )
        for at in range(len(lines)):
            for changed in (lines[:at] + lines[at + 1 :], [*lines, lines[at]], lines[::-1]):
                audit["audit"]["affiliations"][digest] = changed
                assert failed(audit) == "filter"
        audit["audit"]["affiliations"][digest] = lines
        assert failed(audit) == ""

    @pytest.mark.parametrize("part", ["rechecks", "affiliations"])
    def test_nothing_is_left_away(self, audit: Any, part: str) -> None:
        value = copy.deepcopy(audit)
        value["audit"][part] = type(value["audit"][part])()
        assert failed(value) == "filter"


class TestAnOperatorWhoLies:
    """All digests made to fit, before anything is drawn: the exclusions must still follow."""

    def refit(self, value: Any, lines: list[str]) -> None:
        digest = lines_digest(lines)
        value["audit"]["affiliations"] = {digest: lines}
        value["request"]["context"]["affiliations"] = digest

    def test_it_fits_where_nothing_is_wrong(self, audit: Any) -> None:
        """The control of this class: the refitted request as such is accepted."""
        assert filtered(copy.deepcopy(audit)) == ""

    @pytest.mark.parametrize("who", ["E0043", "E0045", "E0049"])
    def test_somebody_bound_is_let_in(self, audit: Any, who: str) -> None:
        value = copy.deepcopy(audit)
        by_expert(value)[who].update({"in": True, "reasons": []})
        assert filtered(value) == "filter"

    @pytest.mark.parametrize(("who", "reason"), [("E0046", CONTROL), ("E0051", INTEREST)])
    def test_somebody_unbound_is_kept_out(self, audit: Any, who: str, reason: str) -> None:
        """By a state-asset body as bridge, or for a share that is none."""
        value = copy.deepcopy(audit)
        by_expert(value)[who].update({"in": False, "reasons": [reason]})
        assert filtered(value) == "filter"

    def test_a_link_is_left_out_of_the_text(self, audit: Any) -> None:
        (lines,) = audit["audit"]["affiliations"].values()
        needed = (
            f"link {TENDERER} {OTHER_CODE}",
            f"same {employer(24)}",
            employer(21),
            employer(22),
        )
        for at, line in enumerate(lines):
            if any(part in line for part in needed):
                value = copy.deepcopy(audit)
                self.refit(value, lines[:at] + lines[at + 1 :])
                assert filtered(value) == "filter", line

    @pytest.mark.parametrize(
        ("name", "false"),
        [("on", "2026-10-30"), ("regime", "ZFCG"), ("county", "530102")],
    )
    def test_another_day_or_lot_is_judged(self, audit: Any, name: str, false: str) -> None:
        value = copy.deepcopy(audit)
        value["audit"]["context"][name] = false
        assert filtered(value) == "filter"

    def test_a_bidders_man_stays(self, audit: Any) -> None:
        """Somebody is left out of those whom the opening excludes: the public cannot see it, the audit
        does."""
        seated = {
            seat[3]
            for step in audit["steps"]
            if step["kind"] == "SETTLED"
            for seat in step["data"]["seated"]
        }
        value = copy.deepcopy(audit)
        said = step_of(value, "RECHECKED")
        spared = next(leaf for leaf in said["excluded"] if leaf not in seated)
        said["excluded"].remove(spared)
        assert failed(rechained(value)) == "filter"
        public = {k: v for k, v in value.items() if k != "audit"} | {"scope": "public"}
        for candidate in public["candidates"]:
            for opened in ("person", "facts", "reasons"):
                del candidate[opened]
        assert failed(public) == ""


class TestPseudonyms:
    """Units and prefectures of the public transcript are what the facts say: otherwise two of one house
    could sit together."""

    @pytest.mark.parametrize("part", ["unit", "area"])
    def test_colleagues_under_two_pseudonyms(
        self, office: Office, monkeypatch: pytest.MonkeyPatch, part: str
    ) -> None:
        tie(office)
        if part == "unit":
            monkeypatch.setattr(
                "experts.draws.basis.service.unit_labels",
                lambda experts, *_: [expert.id for expert in experts],
            )
        else:
            monkeypatch.setattr(
                "experts.pool.expert.Expert.prefecture", property(lambda e: e.home_division)
            )
        value = audit_of(office, world.request(office).id)
        monkeypatch.undo()
        assert failed(value) == "filter"

    def test_a_control_group_counts_as_one_where_the_rule_says_so(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def grouped(*args: Any, **named: Any) -> DrawRules:
            return replace(rules_for(*args, **named), one_per="control_group")

        monkeypatch.setattr("experts.draws.basis.service.rules_for", grouped)
        tie(office)
        value = audit_of(office, world.request(office).id)
        assert failed(value) == ""
        units = {who: one["unit"] for who, one in by_expert(value).items()}
        assert units["E0060"] == units["E0061"] == units["E0063"]
        assert units["E0046"] != units["E0004"]
        value["request"]["coupling"]["one_per"] = "employer"
        assert failed(rechained(value, with_request=True)) == "filter"


@pytest.mark.parametrize("line", ["", "link A B", "stop", "link A B C D E F", "more A"])
def test_what_is_no_such_text(line: str) -> None:
    with pytest.raises(ValueError):
        read_lines([line], SINCE, 500, 250)
    assert lines_digest([line]) == hashlib.sha256(f"{line}\n".encode()).hexdigest()
