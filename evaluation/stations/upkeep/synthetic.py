"""Synthetic calibrations: for demos and tests only. The numbers of the certificates are invented."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, timedelta

from evaluation.stations.station import Venue
from evaluation.stations.upkeep.calibrations import Calibration

DONE_DAYS, VALID_DAYS = 200, 730


def calibrations(seed: bytes, venues: Iterable[Venue], today: date) -> list[Calibration]:
    """One for each room of a venue, some time in the last months, good for two years."""
    found = []
    for venue in venues:
        for room in venue.rooms:
            name = f"{venue.centre_id}/{room.name}".encode()
            dice = hashlib.sha256(b"bigloop synthetic calibrations\0" + seed + name).digest()
            done = today - timedelta(days=1 + dice[0] % DONE_DAYS)
            until = done + timedelta(days=VALID_DAYS)
            certificate = f"示例JZ-{venue.centre_id}-{room.name}"
            found += [
                Calibration(venue.centre_id, label, done, until, certificate)
                for label in room.labels
            ]
    return found
