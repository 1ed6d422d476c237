"""Taking a project in (受理登记), and publishing the notice of a lot."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from api.access import StaffActor
from api.flows import clauses
from api.flows import registration as flow
from api.flows.desk import desk, own_lot
from api.flows.places import names
from api.pages.kit.forms import Form, Sent, points, submit
from api.pages.kit.page import show, words_of
from api.routes.fields import IdInPath
from api.shell import shell_of
from api.transactions import ReadDb
from archive.actor import Actor
from archive.clock import SHANGHAI
from evaluation.criteria import METHOD_FORMAT, ItemKind
from experts.specialties import REQUEST_LEVEL_MIN, catalogue
from trading.divisions import yunnan
from trading.parties import service as parties
from trading.parties.party import OrganisationKind
from trading.projects.project import (
    CommitteeSpec,
    Conclusion,
    FairReview,
    LotSpec,
    NoticeTerms,
    Registration,
)
from trading.projects.stages import Stage
from trading.regime import ProjectKind, Regime

router = APIRouter(include_in_schema=False)

SUGGESTIONS_MAX = 1000
LOTS_MAX = 3
"""On one form; the JSON interface takes more."""
FORMULAS = ("LOW_PRICE", "MEAN_DEVIATION")
DEVIATION = ("above_hundredths", "below_hundredths", "trim_above", "trim_high", "trim_low")
PLACES_HUNDREDTHS = 2
_QUOTA = re.compile(r"([A-Z0-9]{1,12})[\s::=]+([0-9]{1,3})")
_ITEM = re.compile(r"(\S{1,20})\s+(\S+)\s+([0-9.]+)\s+(.+)")
STEP_OF: dict[Stage, str] = {
    Stage.REGISTERED: "notice",
    Stage.NOTICED: "draw",
    Stage.OPENING: "opening",
    Stage.OPENED: "session",
}


@router.get("/centre/lots/{lot_id}")
def lot(actor: StaffActor, db: ReadDb, lot_id: IdInPath) -> Response:
    """Leads to what is to be done with the lot now."""
    stage = own_lot(db, actor, lot_id).stage
    return RedirectResponse(f"/centre/lots/{lot_id}/{STEP_OF.get(stage, 'result')}", 303)


# --- Registration ---------------------------------------------------------------------------


@router.get("/centre/projects/new")
def new_project(actor: StaffActor, request: Request, db: ReadDb, lots: str = "1") -> Response:
    """The form for a project of one to three lots."""
    return _project(request, actor, db, Form({"lot_count": lots, "centre_id": actor.centre_id}))


@router.post("/centre/projects")
async def register(actor: StaffActor, request: Request, form: Sent) -> Response:
    """Take the project in; the faults of all rooms come at once, each at its field."""
    return await submit(
        request,
        form,
        lambda tx, registration: flow.register(tx, actor, registration),
        read=_registration,
        again=lambda db: _project(request, actor, db, form),
        to=lambda project: f"/centre/lots/{project.lots[0].id}",
        said="project_registered",
        places=_places(_lots(form)),
    )


def _project(request: Request, actor: Actor, db: Session, form: Form) -> Response:
    centre = parties.centre(db, actor.centre_id) if actor.centre_id else None
    near = centre.prefecture_code[:4] if centre else ""
    every = list(parties.organisations(db, kind=OrganisationKind.SUPERVISOR).values())
    supervisors = [s for s in every if s.division_code.startswith(near)] or every
    return show(
        request,
        "centre/project.html",
        actor,
        form=form,
        lots=range(_lots(form)),
        lots_max=LOTS_MAX,
        centres=[(c.id, c.name) for c in parties.centres(db) if actor.centre_id in ("", c.id)],
        divisions=[(d.code, d.name) for d in yunnan().values() if d.code.startswith(near)],
        supervisors=[(o.uscc, f"{o.name} {o.uscc}") for o in supervisors],
        tenderers=_known(db, OrganisationKind.TENDERER, near),
        agencies=_known(db, OrganisationKind.AGENCY),
        regimes=words_of(request, "trading.regime", Regime),
        kinds=words_of(request, "kind", ProjectKind),
        conclusions=words_of(request, "intake.conclusion", Conclusion),
        specialties=[
            (s.code, s.name) for s in catalogue().entries.values() if s.level >= REQUEST_LEVEL_MIN
        ],
        guests=sorted(names(db).items()),
        formulas=words_of(request, "intake.formula", FORMULAS),
    )


def _known(db: Session, kind: OrganisationKind, near: str = "") -> list[tuple[str, str]]:
    """(code, name) of the parties of a kind and place, for a field to suggest."""
    found = parties.organisations(db, kind=kind).values()
    near_by = [(o.uscc, o.name) for o in found if o.division_code.startswith(near)]
    return near_by[:SUGGESTIONS_MAX]


def _lots(form: Form) -> int:
    typed = form.value("lot_count", "1")
    return min(int(typed), LOTS_MAX) if typed in ("1", "2", "3") else 1


def _places(lots: int) -> dict[str, str]:
    """Pointers whose field is another: a missing review is mended where its document is given."""
    found = {"/fair_review/" + part: "/fair_review/" + part for part in _REVIEW_PARTS}
    found["/fair_review"] = "/fair_review/document"
    for index in range(lots):
        place = f"/lots/{index}"
        own = (f"{place}/committee/representatives", f"{place}/method/price")
        found |= {pointer: pointer for pointer in own}
        found[f"{place}/committee"] = f"{place}/committee/quotas"
        found[f"{place}/method"] = f"{place}/method/items"
    return found


_REVIEW_PARTS = ("reviewer_uscc", "reviewed_on", "conclusion", "reason", "document")


def _registration(form: Form) -> Registration:
    return Registration(
        name=form.text("name"),
        regime=form.choice("regime", Regime),
        kind=form.choice("kind", ProjectKind),
        division_code=form.text("division_code"),
        centre_id=form.text("centre_id"),
        tenderer_uscc=form.text("tenderer_uscc"),
        agency_uscc=form.text("agency_uscc", is_required=False) or None,
        supervisor_uscc=form.text("supervisor_uscc"),
        government_invested=form.switch("government_invested"),
        fair_review=_review(form),
        order_notice=form.maybe_day("order_notice"),
        lots=tuple(_lot(form, f"lots.{index}") for index in range(_lots(form))),
    )


def _review(form: Form) -> FairReview | None:
    """The review as it was handed in; None where nothing of it was given."""
    document = form.file("fair_review.document", is_required=False)
    given = [form.value(f"fair_review.{part}") for part in _REVIEW_PARTS[:-1]]
    if not document and not any(given):
        return None
    return FairReview(
        form.text("fair_review.reviewer_uscc"),
        form.day("fair_review.reviewed_on"),
        form.choice("fair_review.conclusion", Conclusion),
        form.text("fair_review.reason", is_required=False),
        document,
    )


def _lot(form: Form, at: str) -> LotSpec:
    return LotSpec(
        name=form.text(f"{at}.name"),
        estimate=form.money(f"{at}.estimate"),
        price_ceiling=form.money(f"{at}.price_ceiling"),
        committee=CommitteeSpec(
            _quotas(form, f"{at}.committee.quotas"),
            form.whole(f"{at}.committee.representatives", most=99),
        ),
        deposit_charged=form.money(f"{at}.deposit_charged"),
        bid_validity_days=form.whole(f"{at}.bid_validity_days", most=9999),
        method=_method(form, f"{at}.method"),
        overnight_expected=form.switch(f"{at}.overnight_expected"),
        slots=form.whole(f"{at}.slots", least=1, most=99),
        guests=tuple(form.text(f"{at}.guests", is_required=False, long=True).split()),
    )


def _lines(form: Form, name: str) -> list[str]:
    return [line.strip() for line in form.text(name, long=True).splitlines() if line.strip()]


def _quotas(form: Form, name: str) -> dict[str, int]:
    """One line for each specialty: its code, and how many experts."""
    found: dict[str, int] = {}
    for line in _lines(form, name):
        match = _QUOTA.fullmatch(line)
        if match is None:
            form.fault(name, "api.intake.quota_line", line=line[:40])
        else:
            found[match[1]] = int(match[2])
    return found


def _method(form: Form, at: str) -> dict[str, Any]:
    """The comprehensive method of the tender file in the JSON of `evaluation.criteria`."""
    kinds = {kind.value: kind.value for kind in ItemKind} | {
        "主观": ItemKind.SUBJECTIVE.value,
        "客观": ItemKind.OBJECTIVE.value,
    }
    items = []
    for line in _lines(form, f"{at}.items"):
        match = _ITEM.fullmatch(line)
        most = points(match[3]) if match else None
        if match is None or most is None or match[2].upper() not in kinds:
            form.fault(f"{at}.items", "api.intake.item_line", line=line[:40])
            continue
        kind = kinds[match[2].upper()]
        items.append({"code": match[1], "kind": kind, "max": most, "name": match[4]})
    formula = form.text(f"{at}.price.formula")
    most = points(form.text(f"{at}.price.max"))
    if most is None:
        form.fault(f"{at}.price.max", "api.intake.points")
    price: dict[str, Any] = {"formula": formula, "max": most}
    if formula == "MEAN_DEVIATION":
        price |= {name: form.whole(f"{at}.price.{name}", most=9999) for name in DEVIATION}
        price |= {"base_places": PLACES_HUNDREDTHS, "deviation_places": PLACES_HUNDREDTHS}
        price["k_permille"] = _permilles(form, f"{at}.price.k_permille")
    return {
        "format": METHOD_FORMAT,
        "items": items,
        "mean_of": "ITEM",
        "method": "COMPREHENSIVE",
        "price": price,
        "rounding": "HALF_UP",
        "score_places": PLACES_HUNDREDTHS,
        "ties": ["PRICE"],
    }


def _permilles(form: Form, name: str) -> list[int]:
    words = form.text(name).replace("、", " ").replace(",", " ").split()
    if not all(word.isascii() and word.isdigit() and len(word) < 5 for word in words):
        form.fault(name, "api.form.whole")
        return []
    return sorted({int(word) for word in words})


# --- Notice ---------------------------------------------------------------------------------


def _notice(request: Request, actor: Actor, db: Session, lot_id: str, form: Form) -> Response:
    held = desk(db, actor, lot_id)
    clause = clauses.entered(db, lot_id)
    return show(request, "centre/notice.html", actor, form=form, desk=held, clause=clause)


@router.get("/centre/lots/{lot_id}/notice")
def notice(actor: StaffActor, request: Request, db: ReadDb, lot_id: IdInPath) -> Response:
    """The notice that stands, or the form for it."""
    now = shell_of(request).office.clock.now()
    form = Form({"issued_at": f"{now.astimezone(SHANGHAI):%Y-%m-%dT%H:%M}"})
    return _notice(request, actor, db, lot_id, form)


@router.post("/centre/lots/{lot_id}/notice")
async def publish(actor: StaffActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
    """Publish the notice with the lot's opening key."""
    custodian = shell_of(request).custodian
    return await submit(
        request,
        form,
        lambda tx, terms: flow.publish_notice(tx, actor, lot_id, terms, custodian),
        read=lambda form: NoticeTerms(
            issued_at=form.moment("issued_at"),
            opening_at=form.moment("opening_at"),
            evaluation_at=form.moment("evaluation_at"),
            document=form.file("document"),
            available_until=form.maybe_day("available_until"),
        ),
        again=lambda db: _notice(request, actor, db, lot_id, form),
        to=f"/centre/lots/{lot_id}/notice",
        said="notice_published",
    )
