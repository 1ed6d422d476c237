"""A process starts without what only a few tasks need."""

from __future__ import annotations

import subprocess
import sys


def test_nothing_of_pdf_is_loaded_at_the_start() -> None:
    """pyHanko and what it brings take seconds; they are loaded when a PDF is looked at."""
    source = (
        "import sys, api.app, api.cli, api.handlers, api.desks.issuer.desk\n"
        "heavy = {'pyhanko', 'pyhanko_certvalidator', 'aiohttp', 'asn1crypto'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
