"""The desk's own database: what it was asked to do, and what it has still to report. It knows numbers,
texts and times, and nothing of draws."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

orders = sa.Table(
    "desk_order",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("line", sa.String, nullable=False),
    sa.Column("text", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("until", sa.String, nullable=False),
)
reports = sa.Table(
    "desk_report",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("order_id", sa.ForeignKey("desk_order.id"), nullable=False),
    sa.Column("due", sa.String, nullable=False, index=True),
    sa.Column("said", sa.String, nullable=False),
    sa.Column("claimed", sa.String, nullable=False),
    sa.Column("sent", sa.Boolean, nullable=False, default=False),
    sqlite_autoincrement=True,
)
"""Moments as text in RFC 3339 with milliseconds: their order is the order in time."""
