"""Witnesses: enrolled, on duty, on the roster, handing over, cosigning what they have seen."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from archive.actor import Actor, Role
from archive.cosignature import Cosigner, message
from archive.errors import Kind, Refusal
from archive.note import Note
from evaluation.session import commands as c
from evaluation.witness import queries
from evaluation.witness import service as witness
from evaluation.witness.desk import service as desk
from evaluation.witness.duty import Desk
from tests.builders import SUPERVISOR
from tests.evaluation.course import HOST, assert_said, member, staff
from tests.evaluation.witness.night import VENUE, WITNESS_A, WITNESS_B, Night, encode64
from tests.support import outsider


def no(night: Night, call: object, *given: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        night.do(call, *given)  # type: ignore[arg-type]
    assert_said(caught.value)
    return caught.value


def desk_of(night: Night) -> Desk:
    with night.office.read() as db:
        return desk.desk_of(db, night.id)


class TestEnrolment:
    def test_one_key_one_witness(self, any_sealing: Night) -> None:
        night = any_sealing
        key = night.enrol(WITNESS_A)
        public = encode64(key.public_key().public_bytes_raw())
        size = len(night.entries())
        night.do(desk.enrol, WITNESS_A, public)
        assert len(night.entries()) == size
        assert no(night, desk.enrol, WITNESS_B, public).kind is Kind.CONFLICT
        vkey = desk_of(night).keys["witness-a"]
        assert Cosigner.parse(vkey).name == "bigloop.example/witness/witness-a"
        for wrong in ("x", "A" * 44, encode64(b"\0" * 31)):
            no(night, desk.enrol, WITNESS_B, wrong)

    def test_who_may_not(self, sealing: Night) -> None:
        public = encode64(b"\1" * 32)
        assert no(sealing, desk.enrol, member("expert-1"), public).kind is Kind.FORBIDDEN
        stranger = Actor("x", frozenset({Role.STAFF}), centre_id="110101")
        assert no(sealing, desk.enrol, stranger, public).kind is Kind.FORBIDDEN
        assert no(sealing, desk.go_on_duty, WITNESS_A).code.endswith("not_enrolled")
        sitting = Actor("expert-1", frozenset({Role.SUPERVISOR}))
        sealing.enrol(sitting)
        assert no(sealing, desk.go_on_duty, sitting).code.endswith("member_of_committee")


class TestCountersignature:
    """`witness.cosign_minutes`: over the newest checkpoint, as the witness's own client saw it."""

    def test_an_outsider_accepts_the_line(self, any_sealing: Night) -> None:
        night = any_sealing
        night.on_duty(WITNESS_A)
        size, _, text = night.checkpoint()
        night.countersign(WITNESS_A)
        with night.office.read() as db:
            (row,) = queries.cosignatures(db, night.id)
            signed, line = row.size, row.line
        assert signed == size
        vkey = desk_of(night).keys["witness-a"]
        found = outsider.good_signatures(f"{text}\n{line}", [vkey])
        assert list(found) == [vkey]
        (entry,) = night.entries("countersigned")
        assert entry.data["size"] == size
        assert desk_of(night).cosigned_size == size

    def test_another_history_is_not_cosigned(self, sealing: Night) -> None:
        night = sealing
        night.on_duty(WITNESS_A)
        good = night.cosigning(WITNESS_A)
        other = replace(good, root="00" * 32)
        refusal = no(night, desk.countersign, WITNESS_A, other)
        assert refusal.code.endswith("other_root")
        assert refusal.rule == "witness.cosign_minutes"
        beyond = replace(good, size=good.size + 1)
        assert no(night, desk.countersign, WITNESS_A, beyond).code.endswith("ahead")
        late = replace(good, time=good.time + 1)
        assert no(night, desk.countersign, WITNESS_A, late).code.endswith("cosignature_wrong")
        night.enrol(WITNESS_B)
        assert no(night, desk.countersign, WITNESS_B, good).code.endswith("cosignature_wrong")
        assert night.entries("countersigned") == []

    def test_the_times_agree(self, sealing: Night) -> None:
        night = sealing
        night.on_duty(WITNESS_A)
        old = night.cosigning(WITNESS_A)
        night.pass_time(minutes=11)
        assert no(night, desk.countersign, WITNESS_A, old).code.endswith("cosignature_time")
        _, _, text = night.checkpoint(old.size)
        beyond = 2**53 - 1  # no calendar has it
        sig = encode64(night.keys[WITNESS_A.id].sign(message(text, beyond)))
        far = replace(old, time=beyond, sig=sig)
        assert no(night, desk.countersign, WITNESS_A, far).code.endswith("cosignature_time")

    def test_an_older_checkpoint_says_nothing_new(self, sealing: Night) -> None:
        night = sealing
        night.on_duty(WITNESS_A)
        old = night.cosigning(WITNESS_A, size=3)
        night.countersign(WITNESS_A)
        before = desk_of(night)
        night.do(desk.countersign, WITNESS_A, old)
        assert desk_of(night) == before

    def test_the_last_checkpoint_is_cosigned_beside_the_record(self, sealing: Night) -> None:
        night = sealing
        night.on_duty(WITNESS_A)
        night.served.do(SUPERVISOR, c.VoidSession("test"))
        size = len(night.entries())
        night.countersign(WITNESS_A)
        assert len(night.entries()) == size
        with night.office.read() as db:
            assert [row.size for row in queries.cosignatures(db, night.id)] == [size]
        assert no(night, desk.go_on_duty, WITNESS_A).code.endswith("session_over")


class TestDuty:
    """`witness.two_sign_handover`: the watch passes by two cosignatures on one checkpoint."""

    def test_a_hand_over(self, any_sealing: Night) -> None:
        night = any_sealing
        night.on_duty(WITNESS_A)
        night.seal()
        assert no(night, desk.go_off_duty, WITNESS_A).rule == "witness.two_sign_handover"
        night.enrol(WITNESS_B)
        offered = night.cosigning(WITNESS_A)
        night.do(desk.offer_handover, WITNESS_A, WITNESS_B.id, offered)
        assert desk_of(night).on_duty.keys() == {"witness-a"}
        newer = night.cosigning(WITNESS_B)
        assert no(night, desk.accept_handover, WITNESS_B, newer).code.endswith("other_checkpoint")
        night.do(desk.accept_handover, WITNESS_B, night.cosigning(WITNESS_B, offered.size))
        after = desk_of(night)
        assert after.on_duty.keys() == {"witness-b"}
        assert after.offers == ()
        with night.office.read() as db:
            assert [row.size for row in queries.cosignatures(db, night.id)] == [offered.size] * 2
        no(night, desk.offer_handover, WITNESS_A, WITNESS_B.id, night.cosigning(WITNESS_A))
        no(night, desk.accept_handover, WITNESS_A, night.cosigning(WITNESS_A))

    def test_nobody_hands_over_to_himself(self, sealing: Night) -> None:
        sealing.on_duty(WITNESS_A)
        signed = sealing.cosigning(WITNESS_A)
        refusal = no(sealing, desk.offer_handover, WITNESS_A, WITNESS_A.id, signed)
        assert refusal.code.endswith("two_persons")

    def test_one_of_two_may_leave(self, sealing: Night) -> None:
        night = sealing
        night.on_duty(WITNESS_A)
        night.on_duty(WITNESS_B)
        no(night, desk.go_on_duty, WITNESS_B)
        night.do(desk.go_off_duty, WITNESS_A)
        no(night, desk.go_off_duty, WITNESS_A)
        assert desk_of(night).on_duty.keys() == {"witness-b"}

    def test_the_roster(self, sealing: Night) -> None:
        night, now = sealing, sealing.now
        hour = timedelta(hours=1)
        night.do(desk.plan_shift, SUPERVISOR, "witness-a", now, now + 4 * hour)
        night.do(desk.plan_shift, SUPERVISOR, "witness-b", now + 4 * hour, now + 8 * hour)
        night.do(desk.plan_shift, SUPERVISOR, "witness-a", now + 4 * hour, now + 5 * hour)
        overlapping = (SUPERVISOR, "witness-a", now + hour, now + 2 * hour)
        assert no(night, desk.plan_shift, *overlapping).faults[0].pointer == "/begins_at"
        for ends in (now, now + 25 * hour):
            no(night, desk.plan_shift, SUPERVISOR, "witness-c", now, ends)
        first = desk_of(night).shifts[0]
        night.do(desk.cancel_shift, SUPERVISOR, first.seq)
        no(night, desk.cancel_shift, SUPERVISOR, first.seq)
        assert [shift.witness for shift in desk_of(night).shifts] == ["witness-b", "witness-a"]


class TestOrders:
    def test_an_order_is_answered_in_words(self, any_sealing: Night) -> None:
        night = any_sealing
        night.do(witness.record_event, SUPERVISOR, "order", {"order": "EXPLAIN", "venue": "530100"})
        seq = night.entries("order")[0].seq
        assert no(night, desk.answer, staff("532300"), seq, "不是我们").kind is Kind.FORBIDDEN
        night.do(desk.answer, HOST, seq, "门禁检修,已恢复")
        (entry,) = night.entries("answer")
        words = night.office.vault.get(entry.data["sha256"])
        assert words.decode() == "门禁检修,已恢复"
        assert entry.data["sm3"] == hashlib.new("sm3", words).hexdigest()
        assert no(night, desk.answer, HOST, seq, "再说一次").code.endswith("answered")
        assert no(night, desk.answer, HOST, 0, "x").kind is Kind.NOT_FOUND
        no(night, desk.answer, HOST, seq, "")
        no(night, desk.answer, HOST, seq, "长" * 30_000)

    def test_an_order_to_a_seat_is_its_venues_alone(self, any_sealing: Night) -> None:
        """Not even the host's, who knows nothing of what went on there; an order to all is anybody's."""
        night = any_sealing
        state = night.served.state
        guest = next(m for m in state.sitting if m.centre_id != state.host)
        night.do(
            witness.record_event, SUPERVISOR, "order", {"order": "STOP", "seat": guest.seat_code}
        )
        night.do(witness.record_event, SUPERVISOR, "order", {"order": "SILENCE"})
        seat, everybody = (entry.seq for entry in night.entries("order"))
        strangers = {*state.venues} - {guest.centre_id}
        assert state.host in strangers
        for venue in strangers:
            refused = no(night, desk.answer, staff(venue), seat, "已停止")
            assert (refused.code, refused.params["venue"]) == (
                "evaluation.witness.order_other", guest.centre_id,
            )  # fmt: skip
        night.do(desk.answer, staff(guest.centre_id), seat, "已停止")
        night.do(desk.answer, HOST, everybody, "已停止交谈")
        assert [e.data["order_seq"] for e in night.entries("answer")] == [seat, everybody]


def test_notes_are_those_that_were_signed(sealing: Night) -> None:
    """The cosigned text of a note is the checkpoint's, whatever stands below it."""
    sealing.on_duty(WITNESS_A)
    sealing.countersign(WITNESS_A)
    with sealing.office.read() as db:
        (row,) = queries.cosignatures(db, sealing.id)
        size, line = row.size, row.line
    _, _, text = sealing.checkpoint(size)
    assert Note.parse(f"{text}\n{line}".encode()).text == text
    assert VENUE in sealing.served.state.venues
