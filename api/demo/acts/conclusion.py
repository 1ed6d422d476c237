"""Acts after the day: candidates, an objection to the result, award, contract, release, dossier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.demo import people
from api.demo.play import Play
from api.flows import completion, review
from api.flows.names import DOSSIER_TASK
from archive.actor import Actor
from archive.office import Tx
from archive.tasks.service import Write, enqueue
from deposits.grounds import Claim, Ground
from deposits.guarantees import service as guarantees
from deposits.guarantees.demands import service as demands
from deposits.guarantees.states import GuaranteeState
from trading.awards import service as awards
from trading.objections import service as objections
from trading.objections.objection import ObjectionStage
from trading.opening import service as opening


def publish_candidates(play: Play, args: Mapping[str, Any]) -> Write:
    project, lot = play.lot(args)

    def write(tx: Tx) -> None:
        review.publish_candidates(tx, people.staff(project.centre_id), args["lot"])
        if lot.objection == "RESULT":
            play.later(tx, "object_to_result", args, play.when(args).result_objection)
        play.later(tx, "award", args, play.when(args).award)

    return write


def object_to_result(play: Play, args: Mapping[str, Any]) -> Write:
    """A bidder who was not ranked first objects; the lot stands still until he is answered."""

    def write(tx: Tx) -> None:
        first = awards.publication(tx.db, args["lot"]).candidates[0].bidder_uscc
        others = [b for b in opening.bidders_of(tx.db, args["lot"]) if b != first]
        objections.raise_objection(
            tx,
            people.bidder(others[0]),
            args["lot"],
            ObjectionStage.RESULT,
            "对评标结果的异议(示例):请求复核商务评分。".encode(),
        )
        play.later(tx, "answer_objection", args, play.when(args).result_answer)

    return write


def award(play: Play, args: Mapping[str, Any]) -> Write:
    project, _ = play.lot(args)

    def write(tx: Tx) -> None:
        completion.award(tx, people.tenderer(project.tenderer), args["lot"])
        play.later(tx, "contract", args, play.when(args).contract)
        if not demands.demands(tx.db):
            _demand(tx, people.tenderer(project.tenderer), args["lot"])

    return write


def _demand(tx: Tx, tenderer: Actor, lot_id: str) -> None:
    """Once in a cohort: a bidder who is no candidate has revoked his bid by letter after the deadline,
    and the tenderer demands on his guarantee. Without such a guarantee nothing happens."""
    named = {c.bidder_uscc for c in awards.publication(tx.db, lot_id).candidates}
    for record in guarantees.guarantees(tx.db, lot_id):
        if record.state is GuaranteeState.ACTIVE and record.bidder_uscc not in named:
            assert record.promise is not None, "it was verified"
            claim = Claim(Ground.REVOKED, "投标人撤销投标文件的函(示例)".encode())
            demands.demand(tx, tenderer, record.id, claim, record.promise.amount, ACCOUNT)
            return


def contract(play: Play, args: Mapping[str, Any]) -> Write:
    project, lot = play.lot(args)
    tenderer = people.tenderer(project.tenderer)

    def write(tx: Tx) -> None:
        price = awards.award_of(tx.db, args["lot"]).winner.price
        text = f"合同(示例):{lot.name}".encode()
        completion.sign_contract(tx, tenderer, args["lot"], price, text)
        awards.publish_contract(tx, tenderer, args["lot"])
        play.later(tx, "release", args, play.when(args).release)

    return write


def release(play: Play, args: Mapping[str, Any]) -> Write:
    """The centre gives the guarantees back before the last day of their clock."""
    project, _ = play.lot(args)

    def write(tx: Tx) -> None:
        staff = people.staff(project.centre_id)
        completion.release(tx, staff, args["lot"])
        for record in guarantees.guarantees(tx.db, args["lot"]):
            if record.state is GuaranteeState.PAID_OUT:
                demands.close(tx, staff, record.id)
        enqueue(tx, DOSSIER_TASK, {"lot": args["lot"]}, play.when(args).archive)

    return write


ACCOUNT = "6228000000009999"
"""A synthetic account of the tenderer, to which guarantees are paid."""
ACTS = {
    "publish_candidates": publish_candidates,
    "object_to_result": object_to_result,
    "award": award,
    "contract": contract,
    "release": release,
}
