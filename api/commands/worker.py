"""`bigloop worker`: take tasks and anchor the journal, as a process of its own."""

from __future__ import annotations

import argparse
import signal

from api.commands.terminal import is_migrated, log_to_stderr, read_settings


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """None: everything is a setting."""


def run(_arguments: argparse.Namespace) -> int:
    from api.handlers import handlers
    from api.office import open_bank, open_custodian, open_gateway, open_issuers, open_office
    from api.outsiders import cosigners_of
    from api.wakeups import waking
    from api.watchkeeper import keeper_of, keeping_in_a_thread
    from api.worker import Hands

    settings = read_settings()
    log_to_stderr()
    if not is_migrated(settings):
        return 1
    office = open_office(settings)
    hands = Hands(
        office,
        handlers(
            open_custodian(settings, office),
            settings.dossiers,
            open_bank(settings),
            open_gateway(settings, office),
            open_issuers(settings),
            cosigners_of(settings.outside_witnesses),
        ),
        settings.task_poll_seconds,
        settings.anchor_seconds,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: hands.stop())
    with waking(office, lambda _: None), keeping_in_a_thread(keeper_of(office, settings)):
        hands.run()
    office.connections.dispose()
    return 0
