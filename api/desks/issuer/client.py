"""The issuers' desk on this machine, as `deposits` asks it, and who its houses are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from api.desks import command_client
from api.desks.issuer.local import IssuersAdapter
from deposits.forms import DepositForm
from deposits.issuers.desk import IssuerSilent
from deposits.issuers.issuer import Issuer, IssuerKey, KeyAlgorithm


def of_folder(folder: Path) -> IssuersAdapter:
    """The issuers whose desk's folder this is."""
    return IssuersAdapter(command_client.of_folder(folder, IssuerSilent))


def identity_of(folder: Path) -> tuple[tuple[Issuer, ...], str]:
    """(houses as a registry enters them, roots of their certificates in PEM), as the desk says."""
    said = command_client.client().get(f"{command_client.address_of(folder)}/identity").json()
    return tuple(_issuer(house) for house in said["houses"]), str(said["roots"])


def _issuer(said: Mapping[str, Any]) -> Issuer:
    since, until = (date.fromisoformat(said[name]) for name in ("licensed_from", "licensed_to"))
    key = IssuerKey(
        bytes.fromhex(said["public_key"]), since, until, KeyAlgorithm(said["algorithm"])
    )
    forms = tuple(DepositForm(form) for form in said["forms"])
    return Issuer(said["uscc"], said["name"], forms, said["licence"], since, until, (key,))
