"""The limits of the witness desk, read once from the rule book for the day whose rules hold."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from evaluation.session.session import Session
from evaluation.witness.alarms import Limits
from trading.regime import Regime
from trading.rules.book import book

SIGNED_AT_SOURCE = "witness.signed_at_source"
TWO_SIGN = "witness.two_sign_handover"
COSIGN = "witness.cosign_minutes"
AHEAD = "witness.recorder_ahead_seconds"
EVALUATION_WITH_FILE = "media.evaluation_with_file"
SECURITY_DAYS = "media.security_days"
SUPERVISOR_HEARS = "witness.supervisor_hears_voices"


def _number(rule_id: str, day: date, regime: Regime, region: str) -> int:
    return book().rule(rule_id, day, regime, region).number


def limits_on(day: date, regime: Regime, region: str) -> Limits:
    """The versions effective on a day, in a regime and a region (division code)."""

    def number(name: str) -> int:
        return _number(f"witness.{name}", day, regime, region)

    return Limits(
        beats=number("beats_missed"),
        camera=timedelta(seconds=number("camera_seconds")),
        pictures=number("pictures_same"),
        dark=number("luma_dark"),
        step=timedelta(milliseconds=number("clock_step_ms")),
        cosign=timedelta(minutes=number("cosign_minutes") + number("cosign_grace_minutes")),
        absent=timedelta(minutes=number("absent_minutes")),
        acknowledge=timedelta(minutes=number("acknowledge_minutes")),
        presence=timedelta(hours=_number("session.presence_hours", day, regime, region)),
    )


def limits_of(session: Session) -> Limits:
    """The limits of the day on which the session was scheduled."""
    return limits_on(session.state.ruled_on, session.state.regime, session.region)


def beat_seconds_max(session: Session) -> int:
    """The longest interval at which a station may be bound to report."""
    state = session.state
    return _number("witness.beat_seconds_max", state.ruled_on, state.regime, session.region)


def quorum_of(session: Session, witnesses: int) -> int:
    """How many of so many witnesses must have cosigned: more than the share; none of none."""
    state = session.state
    rule = book().rule("witness.quorum_share", state.ruled_on, state.regime, session.region)
    return int(Fraction(rule.text) * witnesses) + 1 if witnesses else 0


def ahead_max(session: Session) -> timedelta:
    """How far the clock of a recorder may be ahead of ours."""
    state = session.state
    return timedelta(seconds=_number(AHEAD, state.ruled_on, state.regime, session.region))


def security_days(session: Session) -> int:
    """How long security video is kept at least."""
    return security_days_on(session.state.ruled_on, session.state.regime, session.region)


def security_days_on(day: date, regime: Regime, region: str) -> int:
    return _number(SECURITY_DAYS, day, regime, region)


def retention_articles(session: Session) -> tuple[str, str]:
    """By what the evaluation record is kept with the file, and security video for its days."""
    state = session.state
    evaluation, security = (
        book().rule(rule_id, state.ruled_on, state.regime, session.region).article
        for rule_id in (EVALUATION_WITH_FILE, SECURITY_DAYS)
    )
    return evaluation, security


def supervisor_hears(session: Session) -> bool:
    """Whether the supervisor hears the members' voices."""
    state = session.state
    return book().rule(SUPERVISOR_HEARS, state.ruled_on, state.regime, session.region).is_on
