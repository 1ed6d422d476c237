"""The witness desk: who is enrolled, who is on duty, shifts, hand-over, countersignatures.

Folded from the session's record like everything of the watch. A witness is enrolled with a key of
his own before he goes on duty; he leaves by a hand-over, in which both cosign the same checkpoint:
the one says up to where he watched, the other from where on. Who cosigns has checked by his own
client that the checkpoint continues what he saw before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from archive.cosignature import Cosigner
from archive.journal.entry import Entry, moment_of
from evaluation.witness.sources import decode64

DUTY_KINDS = (
    "witness_enrolled",
    "duty",
    "shift",
    "shift_cancelled",
    "handover_offered",
    "handover",
    "countersigned",
)


@dataclass(frozen=True)
class Shift:
    """A planned watch, half-open. `seq`: the number of its entry."""

    seq: int
    witness: str
    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Offer:
    """A hand-over that the incoming witness has not answered: the checkpoint that both sign."""

    seq: int
    outgoing: str
    incoming: str
    size: int
    root: str


@dataclass(frozen=True)
class Desk:
    """`keys`: witness (account) → his cosigner's vkey; `on_duty`: since when."""

    keys: Mapping[str, str] = field(default_factory=dict)
    on_duty: Mapping[str, datetime] = field(default_factory=dict)
    left_at: datetime | None = None
    shifts: tuple[Shift, ...] = ()
    offers: tuple[Offer, ...] = ()
    handovers: int = 0
    cosigned_at: datetime | None = None
    cosigned_size: int = 0
    cosignatures: int = 0

    def after(self, kind: str, entry: Entry) -> Desk:
        """The desk after an entry `evaluation:witness:<kind>`; the same for other kinds."""
        data = entry.data
        match kind:
            case "witness_enrolled":
                key = decode64(data["key"]) or b""
                vkey = Cosigner(data["name"], key).vkey
                return replace(self, keys={**self.keys, data["witness"]: vkey})
            case "duty":
                return self._went(data["witness"], data["state"] == "ON", entry.at)
            case "shift":
                begins, ends = moment_of(data["begins_at"]), moment_of(data["ends_at"])
                shift = Shift(entry.seq, data["witness"], begins, ends)
                return replace(self, shifts=(*self.shifts, shift))
            case "shift_cancelled":
                kept = tuple(s for s in self.shifts if s.seq != data["shift_seq"])
                return replace(self, shifts=kept)
            case "handover_offered":
                offer = Offer(
                    entry.seq, data["outgoing"], data["incoming"], data["size"], data["root"]
                )
                others = tuple(o for o in self.offers if o.outgoing != offer.outgoing)
                return self._cosigned(replace(self, offers=(*others, offer)), data["size"], entry)
            case "handover":
                kept_offers = tuple(o for o in self.offers if o.seq != data["offer_seq"])
                came = replace(self, offers=kept_offers, handovers=self.handovers + 1)
                came = came._went(data["incoming"], True, entry.at)
                came = came._went(data["outgoing"], False, entry.at)
                return self._cosigned(came, data["size"], entry)
            case "countersigned":
                return self._cosigned(self, data["size"], entry)
        return self

    def _went(self, witness: str, is_on: bool, at: datetime) -> Desk:
        on_duty = {name: since for name, since in self.on_duty.items() if name != witness}
        if is_on:
            on_duty[witness] = self.on_duty.get(witness, at)
        return replace(self, on_duty=on_duty, left_at=self.left_at if on_duty else at)

    @staticmethod
    def _cosigned(desk: Desk, size: int, entry: Entry) -> Desk:
        if size < desk.cosigned_size:
            return desk  # an older checkpoint says nothing new
        count = desk.cosignatures + 1
        return replace(desk, cosigned_at=entry.at, cosigned_size=size, cosignatures=count)

    def offer_to(self, witness: str) -> Offer | None:
        return next((offer for offer in self.offers if offer.incoming == witness), None)

    def nobody_since(self, sealed_at: datetime) -> datetime | None:
        """Since when nobody watches, not before the sealing; None where somebody does."""
        return None if self.on_duty else max(sealed_at, self.left_at or sealed_at)
