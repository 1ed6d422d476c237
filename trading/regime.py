"""The legal regime of a transaction: which body of law gives its numbers.

Tendering law and government procurement law run side by side and differ in almost every period
(招标投标法 against 政府采购法), so a regime stands on every project and selects the version of
every rule. This module decides nothing; it names.
"""

from __future__ import annotations

from enum import StrEnum


class Regime(StrEnum):
    """The body of law that a project stands under."""

    ZTB = "ZTB"  # 招标投标: works and the goods and services that belong to them
    ZFCG = "ZFCG"  # 政府采购
    LAND = "LAND"  # 土地使用权
    MINERAL = "MINERAL"  # 矿业权
    PROPERTY = "PROPERTY"  # 国有产权
    VEHICLE = "VEHICLE"  # 公车处置
    OTHER = "OTHER"


class ProjectKind(StrEnum):
    """What is bought. The caps on deposits and the rules on committees ask for it."""

    WORKS = "WORKS"  # 工程施工
    GOODS = "GOODS"  # 货物
    SERVICES = "SERVICES"  # 服务
    DESIGN = "DESIGN"  # 勘察设计
    WATER_WORKS = "WATER_WORKS"  # 水利工程
