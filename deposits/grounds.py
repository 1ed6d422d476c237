"""On what grounds a deposit is not given back (不予退还): the closed list, for cash and guarantees.

    REVOKED         the bid was revoked after the deadline           条例 §35; 87号令 §23
    NO_CONTRACT     the winner refuses the contract without cause    条例 §74
    CONDITIONS      the winner adds conditions at signing            条例 §74
    NO_PERFORMANCE  the winner gives no performance bond             条例 §74
    TENDER_FILE     another case that the tender file itself names

Whether a regime knows a ground is a dated rule. Each needs a document that proves it; for the last
one the clause of the tender file is quoted. All but the first two kinds of event concern the winner
alone. Nobody is judged here: the tenderer decides and answers for it (条例 §66).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from archive.errors import Faults
from trading.regime import Regime
from trading.rules.book import book

CLAUSE_LENGTH_MAX = 500


class Ground(StrEnum):
    """A ground of the closed list."""

    REVOKED = "REVOKED"  # 截止后撤销投标
    NO_CONTRACT = "NO_CONTRACT"  # 中标后无正当理由不订立合同
    CONDITIONS = "CONDITIONS"  # 签订合同时提出附加条件
    NO_PERFORMANCE = "NO_PERFORMANCE"  # 不按要求提交履约保证金
    TENDER_FILE = "TENDER_FILE"  # 招标文件载明的其他情形


OF_THE_WINNER = frozenset({Ground.NO_CONTRACT, Ground.CONDITIONS, Ground.NO_PERFORMANCE})
"""What only a winner can do."""
_RULES = {
    Ground.REVOKED: "deposit.forfeit_revoked",
    Ground.NO_CONTRACT: "deposit.forfeit_no_contract",
    Ground.CONDITIONS: "deposit.forfeit_conditions",
    Ground.NO_PERFORMANCE: "deposit.forfeit_no_performance",
    Ground.TENDER_FILE: "deposit.forfeit_file",
}


@dataclass(frozen=True)
class Claim:
    """That a deposit is not given back. `clause` is the clause of the tender file, quoted, and only
    stands with TENDER_FILE; `document` proves the case."""

    ground: Ground
    document: bytes
    clause: str = ""


@dataclass(frozen=True)
class Admitted:
    """A ground that the regime knows, with its article."""

    ground: Ground
    rule_id: str
    article: str


def admit(
    claim: Claim, regime: Regime, region: str, on: date, *, is_winner: bool, has_withdrawn: bool
) -> Admitted:
    """The ground with its article. Refuses INVALID with every fault: a ground that the regime does
    not know, no document, no clause or one too many, a winner's ground against somebody else,
    a revocation charged to somebody who withdrew before the deadline (条例 §35: his goes back)."""
    rule = book().rule(_RULES[claim.ground], on, regime, region)
    faults = Faults("deposits.forfeit.invalid")
    if not rule.is_on:
        faults.add(
            "/ground",
            "deposits.forfeit.unknown",
            rule=rule.id,
            regime=regime,
            article=rule.article,
        )
    if not claim.document:
        faults.add("/document", "deposits.forfeit.document", rule=rule.id, article=rule.article)
    if claim.ground is Ground.TENDER_FILE:
        if not 0 < len(claim.clause.strip()) <= CLAUSE_LENGTH_MAX:
            faults.add("/clause", "deposits.forfeit.clause", length_max=CLAUSE_LENGTH_MAX)
    elif claim.clause:
        faults.add("/clause", "deposits.forfeit.no_clause")
    if claim.ground in OF_THE_WINNER and not is_winner:
        faults.add("/ground", "deposits.forfeit.not_the_winner", rule=rule.id, article=rule.article)
    if claim.ground is Ground.REVOKED and has_withdrawn:
        faults.add("/ground", "deposits.forfeit.withdrawn", rule=rule.id, article=rule.article)
    faults.refuse()
    return Admitted(claim.ground, rule.id, rule.article)
