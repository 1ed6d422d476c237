"""Acts of the expert pool: applications on their way, a list with faults, twins to tell apart, and the
assessments after each session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from api.demo import people
from api.demo.play import Play
from api.demo.province import REGISTRAR
from api.flows import appraising
from archive.office import Tx
from archive.tasks.service import Write
from evaluation.session import service as sessions
from experts.appraisal import service as appraisal
from experts.appraisal.assessment import Deduction
from experts.identities import service as identities
from experts.pool import service as pool
from experts.pool.expert import Expert, Title
from experts.pool.rolls import service as rolls
from experts.pool.standing import service as standing
from experts.pool.standing.history import Cause
from experts.pool.standing.machine import Certify, Command, Review, Suspend, Train
from trading.identifiers import make_uscc
from trading.parties import service as parties
from trading.parties.party import Organisation, OrganisationKind
from trading.synthetic import Dice

APPLICANTS = 8
ASSESSED_AFTER = timedelta(hours=3)
LATE_PERMILLE, CARELESS_PERMILLE, UNEVEN_PERMILLE = 40, 20, 10
TWIN = "E900001"


def _dice(play: Play, label: str) -> Dice:
    return Dice(f"demo {play.seed}".encode()).child(label)


def keep_pool(play: Play, _args: Mapping[str, Any]) -> Write:
    """The pool's office at work: applications at every step, a suspension, a list that it will send
    back, and records that may be one person or one company."""
    first, second = people.pool_office(1), people.pool_office(2)
    experts = play.province.experts

    def write(tx: Tx) -> None:
        twin = replace(experts[5], id=TWIN, employer_uscc=experts[6].employer_uscc)
        pool.enrol_many(tx, REGISTRAR, [twin])
        _rename_company(play, tx)
        steps: tuple[Command, ...] = (Review(True), Train(16), Certify("示例证-001"))
        for number in range(APPLICANTS):
            applicant = _applicant(play, number)
            standing.file(tx, first, applicant)
            for step in steps[: number % 4]:
                standing.act(tx, second, applicant.id, step)
        poor = replace(_applicant(play, APPLICANTS), field_years=3, title_level=Title.MIDDLE)
        standing.file(tx, first, poor)
        standing.act(tx, second, poor.id, Review(False, "从业年限不足(示例)"))
        standing.act(tx, first, experts[7].id, Suspend(Cause.HEALTH, "本人申请休养(示例)"))
        identities.search(tx, first)
        rolls.dry_run(tx, first, "名册(示例)", faulty_list(play, tx))

    return write


def _applicant(play: Play, number: int) -> Expert:
    """Somebody like an expert of the province who is not in the pool yet."""
    like = play.province.experts[20 + number]
    return replace(
        like,
        id=f"E91{number:04d}",
        name=f"申某{number:04d}",
        born=like.born.replace(year=1975, day=1),
        title_level=Title.SENIOR,
        field_years=15,
        penalised=False,
    )


def faulty_list(play: Play, tx: Tx) -> bytes:
    """Five rows of which two are sound: a wrong code, a double, somebody who is in the pool."""
    made = [replace(_applicant(play, n), enrolled_on=play.first_day) for n in range(20, 25)]
    made[1] = replace(made[1], employer_uscc="91530000XX00000000")
    made[2] = replace(made[2], id=made[0].id)
    made[3] = replace(
        made[3], name=play.province.experts[9].name, born=play.province.experts[9].born
    )
    return rolls.export_csv(tx.db, made)


def _rename_company(play: Play, tx: Tx) -> None:
    """One company under two codes: its registering department changed, and its legal form."""
    body = "530102XN9999001"
    made = [
        Organisation(make_uscc(f"{kind}{body}"), name, OrganisationKind.COMPANY, "530102")
        for kind, name in (("91", "滇示例改制建设有限公司"), ("92", "滇示例改制建设股份有限公司"))
    ]
    parties.register_organisations(tx, REGISTRAR, made)


def assess(play: Play, args: Mapping[str, Any]) -> Write:
    """The three sides assess the members of a session that is over; most find nothing to deduct."""
    project, lot = play.lot(args)
    host = people.staff(project.centre_id)
    sides = (
        (host, LATE_PERMILLE, Deduction.LATE, "迟到 18 分钟,签到记录为证(示例)"),
        (
            people.tenderer(project.tenderer),
            CARELESS_PERMILLE,
            Deduction.CARELESS,
            "报价算术修正有误,经复核更正(示例)",
        ),
        (
            people.supervisor(project.supervisor),
            UNEVEN_PERMILLE,
            Deduction.UNEVEN,
            "单项评分畸低,未作说明(示例)",
        ),
    )

    def write(tx: Tx) -> None:
        session = sessions.session_of_lot(tx.db, args["lot"])
        assert session is not None, "a lot under review has a session"
        subject = appraising.subject_of(tx.db, session)
        given = {(each.seat_code, each.side) for each in appraisal.of_session(tx.db, session.id)}
        dice = _dice(play, f"assess {lot.key}")
        for seat in sorted(subject.members):
            for actor, permille, deduction, note in sides:
                has_fault = dice.chance(permille)
                side = appraising.side_of(actor)
                if (seat, side) in given:
                    continue
                found = (deduction,) if has_fault else ()
                appraisal.assess(tx, actor, subject, side, seat, found, note if found else "")

    return write


ACTS = {"keep_pool": keep_pool, "assess": assess}
