"""The bank's desk on this machine, as `deposits` asks it."""

from __future__ import annotations

from pathlib import Path

from api.desks import command_client
from api.desks.bank.local import BankAdapter
from deposits.cash.bank import BankSilent


def of_folder(folder: Path) -> BankAdapter:
    """The bank whose desk's folder this is."""
    return BankAdapter(command_client.of_folder(folder, BankSilent))
