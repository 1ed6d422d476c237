"""The forms in which a bid deposit (投标保证金) may be given.

Which of them a regime allows is data (rule `deposit.forms`); this module only names them.
"""

from __future__ import annotations

from enum import StrEnum


class DepositForm(StrEnum):
    CASH = "CASH"  # 现金
    TRANSFER = "TRANSFER"  # 转账
    CHEQUE = "CHEQUE"  # 支票
    DRAFT = "DRAFT"  # 汇票
    PROMISSORY_NOTE = "PROMISSORY_NOTE"  # 本票
    BANK = "BANK"  # 银行保函
    INSURANCE = "INSURANCE"  # 投标保证保险
    SURETY = "SURETY"  # 担保机构保函


GUARANTEES = (DepositForm.BANK, DepositForm.INSURANCE, DepositForm.SURETY)
"""The forms that are a promise of an institution, lodged as an electronic guarantee (电子保函)."""
