"""Registration: every fault of an application, found before anything is refused.

The gate of fair-competition review is modelled as *presence and outcome of a dated conclusion by
the competent body*: the platform reads the document and decides nothing (招标投标领域公平竞争审查
规则 第十条(一) forbids trading centres to approve). Whether the gate stands at all is a switch per
region, rule `registration.fair_review_required`; so is the signed notice of order in evaluation,
rule `registration.order_notice_required`.

Not judged here: whether the tender file really is fair; whether the committee asked for is lawful
(experts); whether the deposit is too high (deposits).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from archive import canonical
from archive.errors import Faults
from trading.calendar.legal import legal_day
from trading.divisions import yunnan
from trading.money import Money
from trading.parties.party import NAME_LENGTH_MAX, Organisation, OrganisationKind, check_uscc
from trading.projects.project import Conclusion, FairReview, LotSpec, Registration
from trading.rules.book import Rule, RuleBook

SLOTS_MAX = 60
GUESTS_MAX = 20
METHOD_BYTES_MAX = 256 * 1024
SPECIALTIES_MAX = 50
MEMBERS_MAX = 99
_SPECIALTY = re.compile(r"[A-E][0-9]{2}([0-9]{2}){0,2}")


@dataclass(frozen=True)
class RegistrationRules:
    """The rules that judge one application."""

    fair_review: Rule
    order_notice: Rule
    validity_days_min: Rule
    lots_max: Rule

    @property
    def ids(self) -> tuple[str, ...]:
        used = (self.fair_review, self.order_notice, self.validity_days_min, self.lots_max)
        return tuple(sorted(rule.id for rule in used))


def rules_for(book: RuleBook, on: date, registration: Registration) -> RegistrationRules:
    """The versions in force on the day of the application, at the project's place."""

    def rule(name: str) -> Rule:
        return book.rule(name, on, registration.regime, registration.division_code)

    return RegistrationRules(
        rule("registration.fair_review_required"),
        rule("registration.order_notice_required"),
        rule("bid.validity_days_min"),
        rule("registration.lots_max"),
    )


def check(
    registration: Registration,
    parties: Mapping[str, Organisation],
    centre_ids: frozenset[str],
    rules: RegistrationRules,
    now: datetime,
) -> Faults:
    """All faults of the application, each with its JSON pointer. `parties` holds those of the
    organisations named that are registered."""
    faults = Faults("trading.registration.invalid")
    today = legal_day(now)
    _check_name(registration.name, faults, "/name")
    if registration.division_code not in yunnan():
        value = registration.division_code[:20]
        faults.add("/division_code", "trading.party.division", value=value)
    if registration.centre_id not in centre_ids:
        faults.add("/centre_id", "trading.centre.unknown", centre=registration.centre_id[:20])
    _check_parties(registration, parties, faults)
    _check_review(registration, rules.fair_review, today, faults)
    if registration.order_notice is None:
        if rules.order_notice.is_on:
            faults.add("/order_notice", "trading.order_notice.missing", rule=rules.order_notice.id)
    elif registration.order_notice > today:
        faults.add(
            "/order_notice", "trading.order_notice.future", day=str(registration.order_notice)
        )
    if not 1 <= len(registration.lots) <= rules.lots_max.number:
        faults.add("/lots", "trading.lots.count", count_max=rules.lots_max.number)
    for index, lot in enumerate(registration.lots):
        _check_lot(lot, rules, faults, f"/lots/{index}")
    return faults


def _check_name(name: str, faults: Faults, pointer: str) -> None:
    if not 0 < len(name.strip()) <= NAME_LENGTH_MAX:
        faults.add(pointer, "trading.party.name", length_max=NAME_LENGTH_MAX)


def _check_parties(
    registration: Registration, parties: Mapping[str, Organisation], faults: Faults
) -> None:
    named = [
        ("/tenderer_uscc", registration.tenderer_uscc, None),
        ("/supervisor_uscc", registration.supervisor_uscc, OrganisationKind.SUPERVISOR),
    ]
    if registration.agency_uscc is not None:
        named.append(("/agency_uscc", registration.agency_uscc, OrganisationKind.AGENCY))
    seen: dict[str, str] = {}
    for pointer, uscc, kind in named:
        form = Faults("")
        check_uscc(uscc, form, pointer)
        if form:
            check_uscc(uscc, faults, pointer)
        elif uscc not in parties:
            faults.add(pointer, "trading.organisation.unknown", uscc=uscc)
        elif kind is not None and parties[uscc].kind is not kind:
            faults.add(pointer, "trading.party.kind", uscc=uscc, needed=kind)
        if uscc in seen:
            faults.add(pointer, "trading.party.two_parts", uscc=uscc[:40], other=seen[uscc])
        seen[uscc] = pointer


def _check_review(registration: Registration, gate: Rule, today: date, faults: Faults) -> None:
    review = registration.fair_review
    if review is None:
        if gate.is_on:
            faults.add("/fair_review", "trading.review.missing", rule=gate.id)
        return
    if gate.is_on:
        _check_outcome(review, registration.supervisor_uscc, gate, faults)
    if review.reviewed_on > today:
        day = str(review.reviewed_on)
        faults.add("/fair_review/reviewed_on", "trading.review.future", day=day)
    if review.conclusion is Conclusion.EXCEPTION and not review.reason.strip():
        faults.add("/fair_review/reason", "trading.review.reason", rule=gate.id)
    if not review.document:
        faults.add("/fair_review/document", "trading.review.document", rule=gate.id)


def _check_outcome(review: FairReview, supervisor_uscc: str, gate: Rule, faults: Faults) -> None:
    if review.reviewer_uscc != supervisor_uscc:
        faults.add(
            "/fair_review/reviewer_uscc",
            "trading.review.reviewer",
            rule=gate.id,
            reviewer=review.reviewer_uscc[:40],
            supervisor=supervisor_uscc[:40],
        )
    if review.conclusion is Conclusion.DOES_NOT_FIT:
        faults.add("/fair_review/conclusion", "trading.review.does_not_fit", rule=gate.id)


def _check_lot(lot: LotSpec, rules: RegistrationRules, faults: Faults, place: str) -> None:
    _check_name(lot.name, faults, f"{place}/name")
    if lot.estimate <= Money(0):
        faults.add(f"{place}/estimate", "trading.lot.amount")
    if lot.price_ceiling <= Money(0):
        faults.add(f"{place}/price_ceiling", "trading.lot.amount")
    if lot.deposit_charged < Money(0):
        faults.add(f"{place}/deposit_charged", "trading.lot.deposit")
    days_min = rules.validity_days_min
    if lot.bid_validity_days < days_min.number:
        faults.add(
            f"{place}/bid_validity_days",
            "trading.lot.validity",
            rule=days_min.id,
            days=lot.bid_validity_days,
            days_min=days_min.number,
        )
    if len(lot.guests) > GUESTS_MAX or len(set(lot.guests)) < len(lot.guests):
        faults.add(f"{place}/guests", "trading.lot.guests", guests_max=GUESTS_MAX)
    if not 1 <= lot.slots <= SLOTS_MAX:
        faults.add(f"{place}/slots", "trading.lot.slots", slots=lot.slots, slots_max=SLOTS_MAX)
    _check_committee(lot, faults, f"{place}/committee")
    try:
        fits = len(canonical.encode(lot.method)) <= METHOD_BYTES_MAX
    except (TypeError, ValueError):
        fits = False
    if not fits:
        faults.add(f"{place}/method", "trading.lot.method", bytes_max=METHOD_BYTES_MAX)


def _check_committee(lot: LotSpec, faults: Faults, place: str) -> None:
    quotas = lot.committee.quotas
    if not 1 <= len(quotas) <= SPECIALTIES_MAX:
        faults.add(f"{place}/quotas", "trading.lot.specialties", count_max=SPECIALTIES_MAX)
    for code, count in quotas.items():
        if not _SPECIALTY.fullmatch(code):
            faults.add(f"{place}/quotas", "trading.lot.specialty", value=code[:20])
        if not 1 <= count <= MEMBERS_MAX:
            faults.add(f"{place}/quotas", "trading.lot.quota", value=code[:20], count=count)
    if not 0 <= lot.committee.representatives <= MEMBERS_MAX:
        count = lot.committee.representatives
        faults.add(f"{place}/representatives", "trading.lot.representatives", count=count)
