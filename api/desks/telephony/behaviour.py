"""How the invented people at the other end of the line behave: a plan for each call, by the number.

Numbers are visibly no real ones: they begin with 000, and the two digits after it say who lives there.

    90  as the dice fall: most accept, some decline, few are silent; anybody may be slow, be reported
        twice, change his mind, or be reported under a wrong time
    91  accepts at once                     92  declines at once
    93  never answers                       94  answers after the end
    95  accepts, and is reported thrice     96  accepts, then declines
    97  accepts late, and the service claims that it was in time
    98  accepts in time, and the service claims that it was late
    99  nobody takes the call; he accepts when called back

The same seed, number and end of the call give the same plan, whenever and however often it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from experts.invitations.gateway import Said
from trading.synthetic import Dice

ACCEPTING_PERMILLE = 700
SILENT_PERMILLE = 40
TWICE_PERMILLE = 80
CONTRARY_PERMILLE = 20
LYING_PERMILLE = 40
DELAY_SECONDS = (20, 24 * 60)
LATE = timedelta(minutes=7)


@dataclass(frozen=True)
class Report:
    """One reply that the desk will send: when, what, and the time that it will claim."""

    due: datetime
    said: Said
    claimed: datetime


def plan(seed: str, line: str, at: datetime, until: datetime) -> tuple[Report, ...]:
    """What is reported of a call that was ordered at `at` and ends at `until`, by due time."""
    soon, late = at + timedelta(seconds=5), until + LATE
    who = line[3:5] if line.startswith("000") else "90"
    scripted = {
        "91": [Report(soon, Said.ACCEPT, soon)],
        "92": [Report(soon, Said.DECLINE, soon)],
        "93": [],
        "94": [Report(late, Said.ACCEPT, late)],
        "95": [Report(soon + timedelta(seconds=n), Said.ACCEPT, soon) for n in range(3)],
        "96": [
            Report(soon, Said.ACCEPT, soon),
            Report(soon + timedelta(seconds=20), Said.DECLINE, soon + timedelta(seconds=20)),
        ],
        "97": [Report(late, Said.ACCEPT, soon)],
        "98": [Report(soon, Said.ACCEPT, late)],
        "99": [
            Report(soon, Said.NO_ANSWER, soon),
            Report(soon + timedelta(minutes=2), Said.ACCEPT, soon + timedelta(minutes=2)),
        ],
    }
    if who in scripted:
        return tuple(scripted[who])
    return _by_dice(Dice(f"telephony {seed} {line} {until.isoformat()}".encode()), at)


def _by_dice(dice: Dice, at: datetime) -> tuple[Report, ...]:
    if dice.chance(SILENT_PERMILLE):
        return ()
    said = Said.ACCEPT if dice.chance(ACCEPTING_PERMILLE) else Said.DECLINE
    due = at + timedelta(seconds=dice.between(*DELAY_SECONDS))
    claimed = due
    if dice.chance(LYING_PERMILLE):
        claimed += timedelta(minutes=dice.between(-600, 600))
    found = [Report(due, said, claimed)]
    if dice.chance(TWICE_PERMILLE):
        found.append(Report(due + timedelta(seconds=dice.between(1, 90)), said, claimed))
    if dice.chance(CONTRARY_PERMILLE):
        other = Said.DECLINE if said is Said.ACCEPT else Said.ACCEPT
        later = due + timedelta(seconds=dice.between(1, 90))
        found.append(Report(later, other, later))
    return tuple(sorted(found, key=lambda report: report.due))
