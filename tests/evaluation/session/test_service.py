"""Sessions through the service, on both databases: what is stored, journalled and refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive import canonical
from archive.actor import SYSTEM
from archive.errors import Kind, Refusal
from archive.journal.service import entries, first_break_anywhere
from archive.office import Office
from archive.verification.report import Status
from evaluation.ranking import Ground
from evaluation.report_check import report_faults, verify_report
from evaluation.session import commands as c
from evaluation.session import service, synthetic
from evaluation.session.state import Cause, SealFinding, Stage
from evaluation.sheets import service as sheets
from evaluation.witness.service import record_event
from tests.builders import SUPERVISOR, make_office
from tests.evaluation.course import (
    BIDDERS,
    BIDS,
    CEILING,
    HOST,
    SEATS,
    TENDERER,
    WITNESS,
    Served,
    arrive,
    arrive_one,
    assert_said,
    member,
    method,
    normal_night,
    pause,
    plan,
    refused,
    resume,
    seal_all,
    sha,
    sign_all,
    sleep,
    staff,
    submit_all,
    unseal_all,
)


@pytest.fixture
def served(office: Office) -> Served:
    d = Served(office)
    d.begin(plan())
    return d


@pytest.fixture
def anywhere(any_office: Office) -> Served:
    d = Served(any_office)
    d.begin(plan())
    return d


def journal(d: Served) -> list[Any]:
    with d.office.read() as db:
        return list(entries(db, f"session/{d.id}"))


def no(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call()
    assert_said(caught.value)
    return caught.value


def save(d: Served, expert_id: str, item: str, score: int, version: int | None = None) -> None:
    with d.office.write() as tx:
        by = member(expert_id)
        sheets.save_cell(tx, by, d.id, expert_id, BIDDERS[0], item, score, version)


class TestTheCourse:
    def test_a_night_from_the_plan_to_the_signed_report(self, anywhere: Served) -> None:
        normal_night(anywhere)
        d = anywhere
        with d.office.read() as db:
            found = service.session(db, d.id)
            ref = service.report_of(db, d.id)
            result = service.result(db, d.id)
            assert service.session_of_lot(db, "lot-1") == found
            assert first_break_anywhere(db) is None
        assert found.stage is Stage.CLOSED
        report = canonical.decode(d.office.vault.get(ref.sha256))
        assert [step.status for step in verify_report(report)] == [Status.OK] * 10
        assert report_faults(report) == []
        assert [r.bidder for r in result.ranking] == [
            line["bidder"] for line in report["result"]["ranking"]
        ]
        assert [answer["answer"] for answer in report["answers"]] == [
            "SIGNED",
            "SIGNED",
            "SIGNED",
            "SILENT",
            "DISSENT",
        ]

    def test_what_the_record_of_a_night_holds(self, served: Served) -> None:
        normal_night(served)
        lines = journal(served)
        acts = [e for e in lines if e.action.startswith("evaluation:session:")]
        assert all({"stage", "rule", "version"} <= set(e.data) for e in acts)
        named = {e.action: [d.name for d in e.documents] for e in lines if e.documents}
        assert named == {
            "evaluation:session:scheduled": ["evaluation-method.json"],
            "evaluation:session:report_filed": ["evaluation-report-body.json"],
            "evaluation:session:reported": ["evaluation-report.json"],
        }
        # Neither scores nor prices; the drafts of the evening are those of the morning.
        text = "\n".join(e.body.decode() for e in lines)
        assert not any(str(bid.price.fen) in text for bid in served.state.bids)
        assert not any("hundredths" in e.data or "total" in e.data for e in lines)
        for expert_id, locked in served.state.nights[0].locked:
            assert served.draft(expert_id) == locked

    def test_the_same_day_gives_the_same_bytes(self, tmp_path: Path) -> None:
        texts = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            d = Served(make_office(tmp_path / name))
            d.begin(plan())
            arrive(d)
            save(d, "expert-1", "T1", 100)
            texts.append([e.body for e in journal(d)])
            d.office.connections.dispose()
        assert texts[0] == texts[1]


class TestScheduling:
    def test_all_faults_of_a_plan(self, office: Office) -> None:
        bad = replace(plan(), members=(SEATS[0], SEATS[0]), slots=0)
        with office.write() as tx:
            refusal = no(lambda: service.schedule(tx, HOST, bad))
        assert [f.code for f in refusal.faults] == [
            "evaluation.session.seat_twice",
            "evaluation.session.expert_twice",
            "evaluation.session.slots",
        ]

    def test_a_method_with_faults_is_refused(self, office: Office) -> None:
        bad = replace(plan(), criteria={"format": "bigloop.method.v1"})
        with office.write() as tx:
            refusal = no(lambda: service.schedule(tx, HOST, bad))
        assert refusal.code == "evaluation.score.method_invalid"

    def test_one_session_a_lot_until_it_is_void(self, anywhere: Served) -> None:
        with anywhere.office.write() as tx:
            refusal = no(lambda: service.schedule(tx, HOST, plan()))
        assert refusal.params["session"] == anywhere.id
        anywhere.do(SUPERVISOR, c.VoidSession("new-committee"))
        second = Served(anywhere.office)
        second.begin(plan())
        with anywhere.office.read() as db:
            assert service.session_of_lot(db, "lot-1") is not None
            both = service.sessions(db, lot_id="lot-1")
        assert [s.id for s in both] == sorted([anywhere.id, second.id])

    def test_an_id_given_in_advance_is_kept_and_used_once(self, office: Office) -> None:
        d = Served(office)
        d.begin(replace(plan(), id="draw-1"))
        assert d.id == "draw-1"
        d.do(SUPERVISOR, c.VoidSession("test"))
        with office.write() as tx:
            again = no(lambda: service.schedule(tx, HOST, replace(plan(), id="draw-1")))
        assert again.code == "evaluation.session.id_used"

    def test_only_staff_schedules(self, office: Office) -> None:
        with office.write() as tx:
            assert no(lambda: service.schedule(tx, TENDERER, plan())).kind is Kind.FORBIDDEN

    def test_who_asks_finds_what_is_his(self, anywhere: Served) -> None:
        with anywhere.office.read() as db:
            ids = [
                [s.id for s in service.sessions(db, **wanted)]
                for wanted in (
                    {"expert_id": "expert-2"},
                    {"venue_id": "532922"},
                    {"centre_id": "532901"},
                    {"stages": [Stage.SCHEDULED]},
                    {"expert_id": "stranger"},
                    {"centre_id": "532922"},
                    {"stages": [Stage.CLOSED]},
                )
            ]
            assert no(lambda: service.session(db, "nothing")).kind is Kind.NOT_FOUND
            assert no(lambda: service.result(db, anywhere.id)).kind is Kind.TOO_EARLY
            assert no(lambda: service.report_of(db, anywhere.id)).kind is Kind.TOO_EARLY
        assert ids == [[anywhere.id]] * 4 + [[]] * 3


class TestTheSheets:
    def test_every_save_is_kept_and_the_newest_counts(self, anywhere: Served) -> None:
        arrive(anywhere)
        save(anywhere, "expert-1", "T1", 1000, 0)
        save(anywhere, "expert-1", "T1", 1100, 1)
        save(anywhere, "expert-1", "T1", 1050)
        with anywhere.office.read() as db:
            stored = sheets.sheet(db, anywhere.id, "expert-1")
            history = sheets.versions_of(db, anywhere.id, "expert-1")
        assert stored.sheet.cells == {(BIDDERS[0], "T1"): 1050}
        assert stored.versions == {(BIDDERS[0], "T1"): 3}
        assert [(v, score) for _, _, v, score in history] == [(1, 1000), (2, 1100), (3, 1050)]
        assert len(stored.missing) == 5 * 5 - 1

    def test_two_windows_do_not_overwrite_each_other(self, anywhere: Served) -> None:
        arrive(anywhere)
        save(anywhere, "expert-1", "T1", 1000, 0)
        refusal = no(lambda: save(anywhere, "expert-1", "T1", 900, 0))
        assert (refusal.kind, refusal.params["version"]) == (Kind.CONFLICT, 1)

    def test_out_of_range_and_other_peoples_sheets_are_refused(self, served: Served) -> None:
        arrive(served)
        refusal = no(lambda: save(served, "expert-1", "T1", 1501))
        assert refusal.faults[0].rule == "score.result_check"
        with served.office.write() as tx:
            other = no(
                lambda: sheets.save_cell(
                    tx, member("expert-2"), served.id, "expert-1", BIDDERS[0], "T1", 1
                )
            )
        assert other.kind is Kind.FORBIDDEN
        with served.office.read() as db:
            assert no(lambda: sheets.sheet(db, served.id, "expert-1")).kind is Kind.NOT_FOUND

    def test_nothing_is_written_at_night_nor_after_submission(self, served: Served) -> None:
        arrive(served)
        served.fill()
        pause(served)
        code = "evaluation.session.sheets_closed"
        assert no(lambda: save(served, "expert-1", "T1", 1)).code == code
        seal_all(served)
        assert no(lambda: save(served, "expert-1", "T1", 1)).code == code
        sleep(served)
        unseal_all(served)
        assert no(lambda: save(served, "expert-1", "T1", 1)).code == code
        resume(served)
        save(served, "expert-1", "T1", 1)
        done = c.SubmitScores("expert-1", served.draft("expert-1"))
        served.do(member("expert-1"), done)
        late = no(lambda: save(served, "expert-1", "T1", 2))
        assert late.code == "evaluation.session.sheet_submitted"

    def test_a_draft_changed_behind_our_back_stops_the_session(self, served: Served) -> None:
        arrive(served)
        served.fill()
        pause(served)
        seal_all(served)
        sleep(served)
        from sqlalchemy import text

        with served.office.connections.write() as db:
            db.connection().execute(
                text(
                    "UPDATE evaluation_sheet_cell SET hundredths = 0"
                    " WHERE expert_id = 'expert-4' AND item = 'T1'"
                )
            )
        seal = next(s for s in served.state.night.seals if s.centre_id == "530100")
        served.do(
            staff("530100"), c.Unseal("530100", seal.number, sha("morning"), SealFinding.INTACT)
        )
        served.do(WITNESS, c.WitnessUnseal("530100", seal.number, SealFinding.INTACT))
        assert served.state.stage is Stage.INCIDENT
        assert served.state.incidents[-1].detail == "S4"

    def test_objective_items_must_agree_before_scores_are_in(self, served: Served) -> None:
        arrive(served)
        served.fill()
        first = c.SubmitScores("expert-1", served.draft("expert-1"))
        served.do(member("expert-1"), first)
        with served.office.read() as db:
            found = sheets.sheet(db, served.id, "expert-2").sheet.cells[BIDDERS[0], "C1"]
        save(served, "expert-2", "C1", found - 10)
        second = c.SubmitScores("expert-2", served.draft("expert-2"))
        refusal = refused(served, member("expert-2"), second)
        assert refusal.code == "evaluation.session.objective_differs"
        save(served, "expert-2", "C1", found)
        again = c.SubmitScores("expert-2", served.draft("expert-2"))
        served.do(member("expert-2"), again)

    def test_an_incomplete_sheet_is_not_submitted(self, served: Served) -> None:
        arrive(served)
        save(served, "expert-1", "T1", 1)
        done = c.SubmitScores("expert-1", served.draft("expert-1"))
        assert refused(served, member("expert-1"), done).params["missing"] == 24


class TestRejectionAndSubstitution:
    def test_a_rejected_bid_needs_no_scores_and_no_rank(self, served: Served) -> None:
        arrive(served)
        out = BIDDERS[3]  # the cheapest: prices are judged without it
        for expert_id in ("expert-1", "expert-2", "expert-3"):
            vote = c.VoteRejection(expert_id, out, Ground.BELOW_COST)
            served.do(member(expert_id), vote)
        bidders = [b for b in BIDDERS if b != out]
        for seat, expert_id, _ in SEATS:
            scores = synthetic.scores(b"1", method(), bidders, seat)
            with served.office.write() as tx:
                sheets.save_cells(tx, member(expert_id), served.id, expert_id, scores)
        submit_all(served)
        with served.office.read() as db:
            result = service.result(db, served.id)
        assert [r.bidder for r in result.rejections] == [out]
        assert out not in [r.bidder for r in result.ranking]
        sign_all(served)
        with served.office.read() as db:
            ref = service.report_of(db, served.id)
        assert report_faults(canonical.decode(served.office.vault.get(ref.sha256))) == []

    def test_a_substitute_scores_afresh_and_the_leavers_sheet_is_void(
        self, anywhere: Served
    ) -> None:
        arrive(anywhere)
        anywhere.fill()
        anywhere.do(HOST, c.ReplaceMember("expert-5", Cause.HEALTH, "expert-6", "S5", "532300"))
        arrive_one(anywhere, "expert-6", "532300")
        late = no(lambda: save(anywhere, "expert-5", "T1", 1))
        assert late.kind is Kind.NOT_FOUND
        scores = synthetic.scores(b"1", method(), BIDDERS, "S5")
        with anywhere.office.write() as tx:
            sheets.save_cells(tx, member("expert-6"), anywhere.id, "expert-6", scores)
        submit_all(anywhere)
        sign_all(anywhere)
        with anywhere.office.read() as db:
            ref = service.report_of(db, anywhere.id)
            assert [s.id for s in service.sessions(db, expert_id="expert-5")] == []
        report = canonical.decode(anywhere.office.vault.get(ref.sha256))
        assert [(v["seat"], v["cause"]) for v in report["void"]] == [("S5", "HEALTH")]
        assert report_faults(report) == []

    def test_a_version_that_moved_on_is_refused(self, served: Served) -> None:
        with served.office.write() as tx:
            service.act(tx, HOST, served.id, c.OpenCheckIn(), version=0)
        with served.office.write() as tx:
            refusal = no(
                lambda: service.act(tx, SUPERVISOR, served.id, c.VoidSession("late"), version=0)
            )
        assert (refusal.code, refusal.kind) == ("evaluation.session.moved_on", Kind.CONFLICT)

    def test_k_is_one_of_the_published_set(self, served: Served) -> None:
        served.do(HOST, c.OpenCheckIn())
        wrong = c.EnterBids(BIDS, CEILING, 7)
        assert refused(served, HOST, wrong).code.startswith("evaluation.score.k_not_")


class TestWitnessEvents:
    def test_they_stand_on_the_sessions_stream_in_order(self, anywhere: Served) -> None:
        beat = {"station": "cam-1", "n": 7}
        note = "看到封条完好".encode()
        with anywhere.office.write() as tx:
            record_event(tx, WITNESS, anywhere.id, "heartbeat", beat)
            sha256 = hashlib.sha256(note).hexdigest()
            record_event(tx, SUPERVISOR, anywhere.id, "note", {"sha256": sha256}, note)
        lines = journal(anywhere)
        assert [e.action for e in lines[1:]] == [
            "evaluation:witness:heartbeat",
            "evaluation:witness:note",
        ]
        assert lines[1].data == beat
        assert anywhere.office.vault.get(lines[2].documents[0].sha256) == note
        assert json.dumps(dict(lines[2].data)).find("封条") == -1

    def test_words_must_have_the_digest_stated(self, served: Served) -> None:
        with served.office.write() as tx:
            wrong = {"sha256": sha("other")}
            refusal = no(lambda: record_event(tx, WITNESS, served.id, "note", wrong, b"words"))
            assert refusal.code == "evaluation.witness.words_differ"
            long = no(lambda: record_event(tx, WITNESS, served.id, "note", wrong, b"x" * 70_000))
            assert long.code == "evaluation.witness.words_long"

    def test_staff_without_a_part_in_it_record_nothing(self, anywhere: Served) -> None:
        before = len(journal(anywhere))
        beat = {"station": "cam-1", "n": 1}
        with anywhere.office.write() as tx:
            stranger = staff("533100")
            refusal = no(lambda: record_event(tx, stranger, anywhere.id, "heartbeat", beat))
        assert (refusal.code, refusal.kind) == ("evaluation.witness.other_centre", Kind.FORBIDDEN)
        assert len(journal(anywhere)) == before
        with anywhere.office.write() as tx:
            for serves in (staff("532922"), staff(""), SYSTEM):
                record_event(tx, serves, anywhere.id, "heartbeat", beat)
        assert len(journal(anywhere)) == before + 3

    def test_what_it_names_is_of_the_session(self, served: Served) -> None:
        power, booth = {"state": "MAINS"}, {"place": "BOOTH", "present": True}
        for by, kind, data, pointer, code in (
            (HOST, "power", {**power, "venue": "999999"}, "/venue", "venue_unknown"),
            (staff(""), "power", {**power, "venue": "999999"}, "/venue", "venue_unknown"),
            (SYSTEM, "power", {**power, "venue": "999999"}, "/venue", "venue_unknown"),
            (HOST, "power", {**power, "venue": "532922"}, "/venue", "venue_other"),
            (HOST, "presence", {**booth, "seat": "S9"}, "/seat", "seat_unknown"),
            (SUPERVISOR, "order", {"order": "STOP", "seat": "S9"}, "/seat", "seat_unknown"),
        ):
            with served.office.write() as tx:
                refusal = no(
                    lambda tx=tx, by=by, kind=kind, data=data: record_event(  # type: ignore[misc]
                        tx, by, served.id, kind, data
                    )
                )
            assert refusal.kind is Kind.INVALID
            assert [(f.pointer, f.code) for f in refusal.faults] == [
                (pointer, f"evaluation.witness.{code}")
            ]
        assert len(journal(served)) == 1
        with served.office.write() as tx:
            record_event(tx, HOST, served.id, "power", {**power, "venue": HOST.centre_id})
            record_event(tx, SUPERVISOR, served.id, "power", {**power, "venue": "532922"})
            record_event(tx, staff("532922"), served.id, "presence", {**booth, "seat": "S2"})

    def test_a_seal_check_reads_the_seal_that_is_there(self, served: Served) -> None:
        check = {"venue": HOST.centre_id, "number": f"YN-1-{HOST.centre_id}", "intact": True}

        def fault(data: dict[str, object]) -> tuple[str, str]:
            with served.office.write() as tx:
                refusal = no(lambda: record_event(tx, HOST, served.id, "seal_check", data))
            (found,) = refusal.faults
            return found.pointer, found.code

        assert fault(check) == ("/number", "evaluation.witness.seal_none")
        arrive(served)
        served.fill()
        pause(served)
        assert fault(check) == ("/number", "evaluation.witness.seal_none")
        seal_all(served)
        for number in ("YN-1-532922", "YN-9"):
            wrong = fault({**check, "number": number})
            assert wrong == ("/number", "evaluation.witness.seal_unknown")
        with served.office.write() as tx:
            record_event(tx, HOST, served.id, "seal_check", check)
        assert journal(served)[-1].data == check

    def test_a_session_that_is_over_takes_none(self, served: Served) -> None:
        served.do(SUPERVISOR, c.VoidSession("test"))
        with served.office.write() as tx:
            beat = {"station": "cam-1", "n": 1}
            refusal = no(lambda: record_event(tx, WITNESS, served.id, "heartbeat", beat))
        assert refusal.code == "evaluation.witness.session_over"
