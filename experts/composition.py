"""What a committee must be made of, before anybody is drawn (评标委员会的组成).

招标投标法 第三十七条: five or more, an odd number, at least two thirds of them experts in technology
and economy, so that the tenderer's representatives are at most a third. Water works need seven
(水利部令第14号 第四十条), large or complex procurements too (财政部令第87号 第四十七条). The numbers
are in the rule pack; this module only compares. Who represents the purchaser does not lead the
committee (财政部令第87号 第四十五条(四)).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from archive.errors import Fault


@dataclass(frozen=True)
class CommitteeRules:
    """The numbers that hold for one draw, and the ids of the rules they come from."""

    size_min: int
    size_rule: str
    odd: bool
    odd_rule: str
    expert_share_min: Fraction
    expert_share_rule: str
    chair_may_represent: bool = False


def composition_faults(
    experts: int, representatives: int, rules: CommitteeRules
) -> tuple[Fault, ...]:
    """All that is wrong with a committee of so many drawn experts and named representatives."""
    faults = []
    size = experts + representatives
    if representatives < 0 or experts < 1:
        faults.append(Fault("/quotas", "experts.composition.counts", {"size": size}))
    if size < rules.size_min:
        faults.append(
            Fault(
                "/quotas",
                "experts.composition.size",
                {"size": size, "size_min": rules.size_min},
                rules.size_rule,
            )
        )
    if rules.odd and size % 2 == 0:
        faults.append(Fault("/quotas", "experts.composition.odd", {"size": size}, rules.odd_rule))
    if experts < rules.expert_share_min * size:
        faults.append(
            Fault(
                "/representatives",
                "experts.composition.expert_share",
                {"experts": experts, "size": size, "share": str(rules.expert_share_min)},
                rules.expert_share_rule,
            )
        )
    return tuple(faults)
