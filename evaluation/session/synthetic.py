"""Synthetic methods, scores and evidence: for demos, tests and benchmarks only.

Everything follows from the seed: SHA-256 of a label gives each draw, so two machines agree. Scores
are plausible, not realistic: every bid has a strength, every member a leniency, and objective items
come out alike for all members. No figure is taken from life.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from evaluation.criteria import METHOD_FORMAT, Item, ItemKind, Method
from evaluation.scoring import Cell
from trading.regime import Regime

_WORKS_ITEMS = (
    ("T1", "施工组织设计(示例)", "SUBJECTIVE", 1500),
    ("T2", "质量与安全措施(示例)", "SUBJECTIVE", 1000),
    ("T3", "进度计划(示例)", "SUBJECTIVE", 500),
    ("C1", "同类业绩(示例)", "OBJECTIVE", 600),
    ("C2", "项目负责人资格(示例)", "OBJECTIVE", 400),
)


def number(seed: bytes, label: str, below: int) -> int:
    """A whole number 0 ≤ n < `below` that follows from seed and label."""
    block = hashlib.sha256(len(seed).to_bytes(8, "big") + seed + label.encode()).digest()
    return int.from_bytes(block, "big") % below


def digest(seed: bytes, label: str) -> str:
    """A stand-in for the digest of a photo, a statement or an identity."""
    return hashlib.sha256(b"synthetic\0" + seed + label.encode()).hexdigest()


def method_json(seed: bytes, regime: Regime = Regime.ZTB) -> dict[str, Any]:
    """A comprehensive method: mean deviation in tendering, low price in procurement."""
    price: dict[str, Any] = {"formula": "LOW_PRICE", "max": 6000}
    if regime is not Regime.ZFCG and number(seed, "formula", 3):
        price = {
            "above_hundredths": 100 + 50 * number(seed, "above", 3),
            "base_places": 2,
            "below_hundredths": 50,
            "deviation_places": 2,
            "formula": "MEAN_DEVIATION",
            "k_permille": [0, 10, 20, 30],
            "max": 6000,
            "trim_above": 3,
            "trim_high": 1,
            "trim_low": 1,
        }
    return {
        "format": METHOD_FORMAT,
        "items": [
            {"code": code, "kind": kind, "max": top, "name": name}
            for code, name, kind, top in _WORKS_ITEMS
        ],
        "mean_of": "ITEM",
        "method": "COMPREHENSIVE",
        "price": price,
        "rounding": "HALF_UP",
        "score_places": 2,
        "ties": ["PRICE"],
    }


def drawn_k(seed: bytes, method: Method) -> int | None:
    """The K that the opening would have drawn from the published set; None where none is drawn."""
    published = getattr(method.price, "k_permille", None)
    return None if published is None else published[number(seed, "k", len(published))]


def scores(seed: bytes, method: Method, bidders: Sequence[str], seat: str) -> dict[Cell, int]:
    """One member's complete sheet: cell → hundredths, in steps of a tenth of a point."""
    return {
        (bidder, item.code): _score(seed, item, bidder, seat)
        for bidder in bidders
        for item in method.items
    }


def _score(seed: bytes, item: Item, bidder: str, seat: str) -> int:
    if item.kind is ItemKind.REQUIREMENT:
        return 1 if number(seed, f"met|{bidder}|{item.code}", 20) else 0
    strength = 650 + number(seed, f"strength|{bidder}|{item.code}", 300)
    if item.kind is ItemKind.SUBJECTIVE:
        leniency = number(seed, f"leniency|{seat}", 60) - 30
        mood = number(seed, f"mood|{seat}|{bidder}|{item.code}", 80) - 40
        strength += leniency + mood
    permille = max(0, min(1000, strength))
    return item.max * permille // 1000 // 10 * 10
