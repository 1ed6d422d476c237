"""When a venue is open: by weekday and part of the day.

Where a venue is closed no station of it is given out in that slot. All its booths are closed at once,
so what `evaluation.stations.station` says of colouring is not touched: a stay that would run over a
closed slot finds nothing free there, and every other stay finds a booth.
"""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.stations.slots import Part, day_of, part_of

DAYS = 7


@dataclass(frozen=True)
class Opening:
    """When a venue is open: for each weekday, Monday first, the parts of the day."""

    parts: tuple[frozenset[Part], ...] = (frozenset(Part),) * DAYS

    def holds(self, slot: int) -> bool:
        return part_of(slot) in self.parts[day_of(slot).weekday()]

    @property
    def runs(self) -> list[tuple[int, int, frozenset[Part]]]:
        """Runs of weekdays with the same parts: first day, last day, parts; 1 is Monday."""
        runs: list[tuple[int, int, frozenset[Part]]] = []
        for day, parts in enumerate(self.parts, start=1):
            if runs and runs[-1][2] == parts and runs[-1][1] == day - 1:
                runs[-1] = (runs[-1][0], day, parts)
            else:
                runs.append((day, day, parts))
        return runs

    @property
    def text(self) -> str:
        """`1-5:AM PM` and so on, one for each run."""
        return "; ".join(
            f"{first}{f'-{last}' if last > first else ''}:"
            + " ".join(p.name for p in sorted(parts))
            for first, last, parts in self.runs
            if parts
        )


def read_opening(text: str) -> Opening:
    """The opening hours of `Opening.text`; ValueError where it is none."""
    found: list[frozenset[Part]] = [frozenset()] * DAYS
    for run in text.split(";"):
        days, _, names = run.strip().partition(":")
        first, _, last = days.partition("-")
        parts = frozenset(Part[name] for name in names.split() if name in Part.__members__)
        if not names.split() or len(parts) != len(names.split()):
            raise ValueError(f"not a run of weekdays with parts: {run.strip()!r}")
        begin, end = _weekday(first), _weekday(last or first)
        if begin > end or any(found[begin : end + 1]):
            raise ValueError(f"weekdays twice or backwards: {run.strip()!r}")
        found[begin : end + 1] = [parts] * (end + 1 - begin)
    return Opening(tuple(found))


def _weekday(text: str) -> int:
    if len(text) != 1 or text not in "1234567":
        raise ValueError(f"not a weekday: {text!r}")
    return int(text) - 1


ALWAYS = Opening()
