"""Which function does which task: the names that services enqueue, and what runs then."""

from __future__ import annotations

from collections.abc import Mapping

from archive.custody import Custodian
from archive.tasks.service import Handler


def handlers(custodian: Custodian) -> Mapping[str, Handler]:
    """The handlers of this installation; flows that need the custodian are bound to it here."""
    return {}
