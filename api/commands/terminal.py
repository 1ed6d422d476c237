"""What commands say, and the settings they read."""

from __future__ import annotations

import logging
import sys
from typing import Any

from pydantic import ValidationError

from api.outage_log import OutageFilter
from api.settings import PREFIX, Settings
from archive.errors import Refusal
from archive.words import Language, render

EX_CONFIG = 78


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    sys.stderr.write(f"bigloop: {text}\n")


def complain_of(refusal: Refusal, language: Language) -> None:
    """The refusal and every fault, in words."""
    complain(render(refusal, language))
    for fault in refusal.faults:
        complain(f"  {fault.pointer}: {render(fault, language)}")


def read_settings(**overrides: Any) -> Settings:
    """The settings; what is None is left to the environment. SystemExit(78) where one is wrong."""
    try:
        given = {name: value for name, value in overrides.items() if value is not None}
        settings = Settings(**given)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in fault["loc"]).upper()
            complain(f"{PREFIX + name + ': ' if name else ''}{fault['msg']}")
        raise SystemExit(EX_CONFIG) from None
    return _of_its_log(settings)


def _of_its_log(settings: Settings) -> Settings:
    """The settings with the name that the folder's log was made with. SystemExit(78) where another is asked for:
    under it this would be another log, and a record taken out of it would hold no witness's signature."""
    try:
        kept = settings.public_key.read_text("utf-8").partition("+")[0]
    except OSError:
        return settings  # a new installation, or keys that this command may not read
    if kept == settings.log_name:
        return settings
    if "log_name" in settings.model_fields_set:
        there = f"{settings.data} 的日志名为 {kept} / the log there is {kept}"
        complain(f"{PREFIX}LOG_NAME={settings.log_name}: {there}")
        raise SystemExit(EX_CONFIG)
    return settings.model_copy(update={"log_name": kept})


def is_migrated(settings: Settings) -> bool:
    """Whether the database is there and of this version; says so where it is not."""
    from api.migrations import is_newest

    settings.data.mkdir(parents=True, exist_ok=True)
    if is_newest(settings.url):
        return True
    complain("the database is not at the newest version: run `bigloop migrate`")
    return False


def log_to_stderr(level: int = logging.INFO) -> None:
    """Log lines for a service manager: no colours, no times of ours."""
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", force=True
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(OutageFilter())
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # else a line for each command to a desk
    # Said at every stop, also when there is nothing to cancel.
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: "Cancel 0 running" not in record.getMessage()
    )
