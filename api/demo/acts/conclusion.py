"""Acts after the day: candidates, an objection to the result, award, contract, release, dossier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.demo import people
from api.demo.play import Play
from api.flows import completion, review
from api.flows.names import DOSSIER_TASK
from archive.office import Tx
from archive.tasks.service import Write, enqueue
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

    return write


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
        completion.release(tx, people.staff(project.centre_id), args["lot"])
        enqueue(tx, DOSSIER_TASK, {"lot": args["lot"]}, play.when(args).archive)

    return write


ACTS = {
    "publish_candidates": publish_candidates,
    "object_to_result": object_to_result,
    "award": award,
    "contract": contract,
    "release": release,
}
