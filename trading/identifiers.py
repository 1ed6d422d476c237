"""Check digits of Chinese identifiers.

* unified social credit code 统一社会信用代码 (GB 32100-2015): 18 characters, the last a check
  character, by `stdnum.cn.uscc`;
* resident identity number 公民身份号码 (GB 11643-1999): 18 characters, check digit by
  `stdnum.cn.ric`, the day of birth checked here. That library's table of regions is not used: it
  rejects people who were born before their county got its present code.

A right check digit says that a number was not mistyped, never that its owner exists.
"""

from __future__ import annotations

import re
from datetime import date

from stdnum.cn import ric, uscc

from archive.errors import Reason

_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_RIC = re.compile(r"(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{15}[0-9X]")
"""The first two digits are a province: 999999… has a right check digit and can be nobody."""


def uscc_fault(text: str) -> Reason | None:
    """What is wrong with a unified social credit code; None where nothing is.

    Strict: upper case, no blanks. Give code and params to `Faults.add`.
    """
    if len(text) != 18:
        return Reason("trading.uscc.length", {"value": text[:40], "length": len(text)})
    if not _USCC.fullmatch(text):
        return Reason("trading.uscc.characters", {"value": text})
    expected = uscc.calc_check_digit(text[:-1])
    if text[-1] != expected:
        return Reason("trading.uscc.check", {"value": text, "found": text[-1]})
    return None


def is_uscc(text: str) -> bool:
    return uscc_fault(text) is None


def make_uscc(body17: str) -> str:
    """`body17` with its check character. For synthetic data; ValueError for a body of wrong form."""
    if not _USCC.fullmatch(body17 + "0"):
        raise ValueError(f"not the body of a unified social credit code: {body17!r}")
    return body17 + str(uscc.calc_check_digit(body17))


def resident_id_fault(text: str) -> Reason | None:
    """What is wrong with a resident identity number; None where nothing is. The number itself is
    personal data and stays out of the reason."""
    if not _RIC.fullmatch(text):
        return Reason("trading.resident_id.form")
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return Reason("trading.resident_id.birth")
    if text[-1] != ric.calc_check_digit(text):
        return Reason("trading.resident_id.check")
    return None
