"""Open the office that the settings describe: clock, entropy, database, vault, keys.

    <data>/bigloop.db      the database, unless BIGLOOP_DATABASE_URL names another
    <data>/vault/          documents by digest
    <data>/dossiers/       finished dossiers, one folder a subject; beside them its sessions' pictures
    <data>/keys/           0700; log.key signs checkpoints, custodian.key opens lots,
                           keeper.key what is sealed at rest, telephony.key signs to and from
                           the calling service; each 0600;
                           log.vkey is the public line of log.key for trust files

Docs: docs/operations.md says who may write each, and what its loss costs.
"""

from __future__ import annotations

from datetime import UTC, datetime

from api.desks.telephony.gateway import HttpGateway
from api.settings import Settings
from archive.clock import Clock, DrivenClock, SystemClock
from archive.custody import Custodian, DemoCustodian
from archive.database import Connections
from archive.entropy import Entropy, SeededEntropy, SystemEntropy
from archive.journal import service as journal
from archive.keeping import Keeper
from archive.keys import note_signer, secret_file
from archive.office import Office
from archive.vault import Vault
from deposits.cash.bank import Bank, NoBank
from deposits.issuers.desk import IssuersDesk, NoIssuers
from experts.invitations.gateway import Gateway


class NotForProduction(ValueError):
    """A clock or a source of entropy that can be driven, asked for in production."""


def clock_of(settings: Settings) -> Clock:
    """The host's clock, or the one that the demo settings describe."""
    if settings.clock_start is None and settings.clock_rate is None:
        return SystemClock()
    start = settings.clock_start or datetime.now(UTC)
    return DrivenClock(start, 1 if settings.clock_rate is None else settings.clock_rate)


def entropy_of(settings: Settings) -> Entropy:
    return SeededEntropy(settings.seed.encode()) if settings.seed else SystemEntropy()


def open_office(
    settings: Settings, *, clock: Clock | None = None, entropy: Entropy | None = None
) -> Office:
    """The office of an installation whose database is migrated (`api.migrations.upgrade`).

    Raises NotForProduction where a driven clock or seeded entropy meets production settings.
    """
    clock = clock or clock_of(settings)
    entropy = entropy or entropy_of(settings)
    if not settings.is_demo and not (
        isinstance(clock, SystemClock) and isinstance(entropy, SystemEntropy)
    ):
        raise NotForProduction("production takes only the host's clock and entropy")
    keys = settings.data / "keys"
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    connections = Connections(settings.url)
    if isinstance(clock, DrivenClock):
        with connections.read() as db:  # legal time survives a restart, and never goes back
            clock.move_to(journal.latest_moment(db) or clock.now())
    log = note_signer(keys / "log.key", settings.log_name, entropy.child("log key"))
    if not settings.public_key.exists():
        settings.public_key.write_text(log.verifier.vkey + "\n", "utf-8")
    return Office(
        connections=connections,
        clock=clock,
        entropy=entropy,
        vault=Vault(settings.data / "vault"),
        log=log,
        keeper=Keeper(secret_file(keys / "keeper.key", entropy.child("keeper key"))),
    )


def open_bank(settings: Settings) -> Bank:
    """The bank that keeps the deposits in cash; one that is always silent where none is set."""
    if settings.bank_desk is None:
        return NoBank()
    from api.desks.bank.client import of_folder

    return of_folder(settings.bank_desk)


def open_issuers(settings: Settings) -> IssuersDesk:
    """The issuers of guarantees; such as are always silent where no desk is set."""
    if settings.issuers_desk is None:
        return NoIssuers()
    from api.desks.issuer.client import of_folder

    return of_folder(settings.issuers_desk)


def telephony_secret(settings: Settings, office: Office) -> bytes:
    """What is shared with the calling service: made on first use, handed to it out of band."""
    path = settings.data / "keys" / "telephony.key"
    return secret_file(path, office.entropy.child("telephony key"))


def open_gateway(settings: Settings, office: Office) -> Gateway | None:
    """The calling service of this installation; None where the settings name none."""
    if not settings.telephony_url:
        return None
    return HttpGateway(settings.telephony_url, telephony_secret(settings, office))


def open_custodian(settings: Settings, office: Office) -> Custodian:
    """The custodian of the opening keys: one secret of this installation, made on first use.

    Whoever reads the file can open every lot before its hour; see docs/operations.md.
    """
    path = settings.data / "keys" / "custodian.key"
    return DemoCustodian(secret_file(path, office.entropy.child("custodian key")))
