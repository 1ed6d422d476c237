"""What a session waits for, as its host's page tells it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from api.flows import hosting
from evaluation.session.state import (
    Incident,
    IncidentKind,
    Member,
    Night,
    PauseKind,
    Recusal,
    Stage,
    Standing,
    State,
    VenueSeal,
)
from tests.builders import START
from trading.regime import Regime


class TestWaiting:
    """Whose act a session waits for."""

    def members(self, **changes: object) -> tuple[Member, ...]:
        done: dict[str, object] = {"discipline": "d", "identity": "i", "recusal": Recusal.NONE}
        return tuple(
            Member(f"S{n}", f"E{n}", centre, **{**done, **changes})  # type: ignore[arg-type]
            for n, centre in ((1, "532901"), (2, "530102"))
        )

    def state(self, stage: Stage, **changes: object) -> State:
        base = State(
            "s", "l", "532901", Regime.ZTB, date(2026, 11, 11), None, True, self.members(), stage
        )
        return replace(base, **changes)  # type: ignore[arg-type]

    def said(self, state: State) -> set[tuple[str, str]]:
        return {(wait.code, wait.whose) for wait in hosting.waits(state)}

    def test_arrival(self) -> None:
        assert self.said(self.state(Stage.CHECK_IN)) == set()
        waiting = self.state(Stage.CHECK_IN, members=self.members(identity=""))
        assert self.said(waiting) == {("identity", "S1"), ("identity", "S2")}

    def test_a_night(self) -> None:
        night = Night(PauseKind.PLANNED, "a", START, locked=(("E1", "x"),), venues=("530102",))
        assert self.said(self.state(Stage.PAUSE_REQUESTED, nights=(night,))) == {("approve", "")}
        incident = Incident(IncidentKind.SEAL_DIFFERS, "530102", START, Stage.UNSEALING)
        stopped = self.state(Stage.INCIDENT, incidents=(incident,))
        assert self.said(stopped) == {("decide", "SEAL_DIFFERS")}
        assert self.said(self.state(Stage.PAUSE_APPROVED, nights=(night,))) == {("lock", "S2")}
        assert self.said(self.state(Stage.SEALING, nights=(night,))) == {("seal", "530102")}
        half = replace(night, seals=(VenueSeal("530102", "S-1", "p", "a"),))
        assert self.said(self.state(Stage.SEALING, nights=(half,))) == {("witness_seal", "530102")}
        whole = replace(half, seals=(replace(half.seals[0], witnessed_by="b"),))
        sealed = self.state(Stage.SEALED_OVERNIGHT, nights=(whole,))
        assert self.said(sealed) == {("unseal", "530102")}
        read = replace(whole, seals=(replace(whole.seals[0], unsealed_by="a"),))
        assert self.said(self.state(Stage.UNSEALING, nights=(read,))) == {
            ("witness_unseal", "530102"), ("recheck", "S1"), ("recheck", "S2"),
        }  # fmt: skip

    def test_a_substitute_who_comes_in_the_morning_is_waited_for_step_by_step(self) -> None:
        """Whom the door found to be somebody else is replaced; who comes for him arrives like anybody."""
        night = Night(PauseKind.PLANNED, "a", START)
        first, second = self.members(is_rechecked=True)
        blocked = replace(second, standing=Standing.BLOCKED, is_rechecked=False)
        state = self.state(Stage.UNSEALING, nights=(night,), members=(first, blocked))
        assert self.said(state) == {("replace", "S2")}
        new = Member("S2", "E9", "530102")
        state = replace(state, members=(first, new))
        steps = {("discipline", "S2"), ("identity", "S2"), ("recusal", "S2")}
        assert self.said(state) == steps
        assert self.said(replace(state, stage=Stage.REVIEWING)) == {*steps, ("submit", "S1")}

    def test_scores_and_report(self) -> None:
        assert self.said(self.state(Stage.REVIEWING)) == {("submit", "S1"), ("submit", "S2")}
        assert self.said(self.state(Stage.SCORED)) == {("file", "532901")}
        filed = self.state(Stage.SCORED, report="r")
        assert self.said(filed) == {("sign", "S1"), ("sign", "S2")}

    def test_an_identity_is_of_one_person_in_one_session(self) -> None:
        one = hosting.identity_of("s1", "A-1")
        assert one == hosting.identity_of("s1", "A-1")
        assert len({one, hosting.identity_of("s2", "A-1"), hosting.identity_of("s1", "A-2")}) == 3
