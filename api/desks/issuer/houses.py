"""The institutions of the issuers' desk: who they are, what they ask, and their keys.

`houses.json` in the desk's folder names them (code, name, form); without it six are invented. Prices
are made from the code, turnaround is the same for all. Keys are made on first use from the operating
system's entropy, kept in `keys.json` for the desk alone, and never leave its folder; every third
house signs with SM2.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from api.desks.issuer.papers import Certified, certify, make_root, pem, public_key
from deposits.forms import DepositForm
from deposits.issuers.desk import Offer
from deposits.issuers.issuer import Issuer, IssuerKey, KeyAlgorithm
from trading.money import Money
from trading.synthetic import synthetic_uscc

LICENSED_FROM, LICENSED_TO = date(2024, 1, 1), date(2028, 12, 31)
CERTIFIED_SINCE = datetime(2024, 1, 2, tzinfo=UTC)
MINUTES = 30
_INVENTED = (
    ("滇示例银行", DepositForm.BANK),
    ("滇示例财产保险公司", DepositForm.INSURANCE),
    ("滇示例融资担保公司", DepositForm.SURETY),
)


@dataclass(frozen=True)
class House:
    """One institution with its keys."""

    offer: Offer
    algorithm: KeyAlgorithm
    secret: bytes
    certified: Certified

    @property
    def issuer(self) -> Issuer:
        """As a registry enters it."""
        uscc = self.offer.issuer_uscc
        key = IssuerKey(
            public_key(self.algorithm, self.secret), LICENSED_FROM, LICENSED_TO, self.algorithm
        )
        return Issuer(
            uscc=uscc,
            name=self.offer.name,
            forms=(self.offer.form,),
            licence=f"示例许可-{uscc[-8:-1]}",
            licensed_from=LICENSED_FROM,
            licensed_to=LICENSED_TO,
            keys=(key,),
        )


@dataclass(frozen=True)
class Houses:
    """All institutions of a desk, and the authority that certifies them."""

    root: Certified
    by_code: dict[str, House]

    @property
    def roots(self) -> str:
        """PEM."""
        return pem(self.root.certificate)


def put_houses(folder: Path, named: Sequence[tuple[str, str, DepositForm]]) -> None:
    """Say who the houses of a new desk are: (code, name, form)."""
    path = folder / "houses.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows = [{"uscc": uscc, "name": name, "form": form} for uscc, name, form in named]
        path.write_text(json.dumps(rows, ensure_ascii=False), "utf-8")


def houses_of(folder: Path, minutes: int = MINUTES) -> Houses:
    """The houses of a folder; made on first use, the same ever after."""
    path = folder / "keys.json"
    if not path.exists():
        _make(folder, path)
    kept = json.loads(path.read_text("utf-8"))
    root = _certified(kept["root"])
    found = {}
    for number, row in enumerate(kept["houses"]):
        offer = Offer(
            issuer_uscc=row["uscc"],
            name=row["name"],
            form=DepositForm(row["form"]),
            permyriad=25 + 3 * (number % 5),
            premium_min=Money.yuan(200 + 20 * (number % 4)),
            minutes=minutes,
            extension_permyriad=4 + number % 3,
        )
        secret = bytes.fromhex(row["secret"])
        algorithm = KeyAlgorithm(row["algorithm"])
        found[row["uscc"]] = House(offer, algorithm, secret, _certified(row))
    return Houses(root, found)


def _make(folder: Path, path: Path) -> None:
    named = folder / "houses.json"
    if named.exists():
        rows = json.loads(named.read_text("utf-8"))
    else:
        rows = [
            {
                "uscc": synthetic_uscc(6_100_000 + n, "530102"),
                "name": f"{_INVENTED[n % 3][0]}{n + 1:04d}",
                "form": _INVENTED[n % 3][1].value,
            }
            for n in range(6)
        ]
    root = make_root("示例电子认证(合成)", CERTIFIED_SINCE)
    houses: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        certified = certify(root, row["uscc"], row["name"], CERTIFIED_SINCE)
        algorithm = KeyAlgorithm.SM2 if number % 3 == 2 else KeyAlgorithm.ED25519
        # Below the order of both curves with certainty: the first byte is zero.
        secret = b"\0" + secrets.token_bytes(31)
        houses.append({**row, **_json(certified), "algorithm": algorithm, "secret": secret.hex()})
    temporary = path.with_suffix(".new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"root": _json(root), "houses": houses}, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _json(certified: Certified) -> dict[str, str]:
    return {"key": certified.key.hex(), "certificate": certified.certificate.hex()}


def _certified(row: dict[str, str]) -> Certified:
    return Certified(bytes.fromhex(row["key"]), bytes.fromhex(row["certificate"]))
