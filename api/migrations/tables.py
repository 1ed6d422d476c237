"""All tables of the product in one metadata, found by walking the folders, so that none is
forgotten. Only migrations and their check may import other packages' tables."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import SQLModel

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("archive", "trading", "experts", "deposits", "evaluation", "api")


def table_modules() -> Iterator[str]:
    """The names of all modules called `tables` that declare rows."""
    for package in PACKAGES:
        root = ROOT / package
        for path in sorted(root.rglob("tables.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if name != __name__:
                yield name


def metadata() -> sa.MetaData:
    """The metadata with the rows of all packages."""
    for name in table_modules():
        importlib.import_module(name)
    return SQLModel.metadata
