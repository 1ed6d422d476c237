"""The settings of one installation, read from environment variables `BIGLOOP_<NAME>`.

Every setting is listed in docs/operations.md (a test compares). Numbers that the law or a local
rule fixes are not settings: they stand in the dated rule packs.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import AwareDatetime, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.outsiders import outsiders_of
from archive.words import Language

PREFIX = "BIGLOOP_"


class Environment(StrEnum):
    """What the installation is for. `PRODUCTION` refuses everything that repeats or moves time."""

    PRODUCTION = "production"
    DEMO = "demo"


class Settings(BaseSettings):
    """One installation. Folders are made on first use."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    environment: Environment = Environment.PRODUCTION
    data: Path = Path("data")
    """Folder of the database file, the vault and the keys."""
    database_url: str = ""
    """Empty: SQLite in the data folder."""
    log_name: str = Field(default="bigloop.local", pattern=r"^[^\s+]+$", max_length=200)
    """Origin of every checkpoint and name of the signing key; never changed afterwards."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    origins: str = ""
    """Further origins (`https://name`, comma-separated) whose pages may act, e.g. the public name
    behind a proxy."""
    language: Language = Language.ZH
    request_bytes_max: int = Field(default=32 * 1024 * 1024, ge=1024)
    shutdown_seconds: int = Field(default=1, ge=0, le=600)
    """How long requests may end after Ctrl-C or SIGTERM."""

    anchor_seconds: int = Field(default=10, ge=1, le=3600)
    """Between two anchors of the journal."""
    task_poll_seconds: int = Field(default=1, ge=1, le=60)
    embedded_worker: bool = True
    """Whether `bigloop serve` also takes tasks and anchors."""

    outside_witnesses: str = ""
    """Parties that cosign each session's log (`<vkey> <url>`, comma-separated; C2SP tlog-witness)."""

    lodging_tick_seconds: float = Field(default=1, ge=0, le=60)
    """What is lodged within one tick becomes one batch; 0 writes at once what is there."""
    lodgings_waiting_max: int = Field(default=1000, ge=1, le=10_000)
    """So many cells wait for the end of a tick, 16 KiB each; more are refused."""

    bank_desk: Path | None = None
    """Folder of the bank's desk on this machine (`bigloop desk bank`): its address and the token.
    Without it deposits in cash wait."""
    issuers_desk: Path | None = None
    """Folder of the issuers' desk on this machine (`bigloop desk issuer`): its address and the token.
    Without it no guarantee can be bought, and what was bought waits to be restored."""
    telephony_url: str = Field(default="", pattern=r"^(https?://[^\s]+)?$", max_length=200)
    """Where the calling service takes orders; empty: experts answer in the application alone."""

    idle_minutes: int = Field(default=15, ge=1, le=24 * 60)
    """Without a request for so long, one must sign in again."""
    sign_in_hours: int = Field(default=8, ge=1, le=24)
    """After so long one must sign in again in any case."""
    sign_in_failures_max: int = Field(default=5, ge=1, le=100)
    """Failed tries of one account from one address within the window."""
    sign_in_window_minutes: int = Field(default=15, ge=1, le=24 * 60)

    seed: str = ""
    """Demo only: all entropy follows from it."""
    clock_start: AwareDatetime | None = None
    """Demo only: legal time at the start."""
    clock_rate: int | None = Field(default=None, ge=0, le=100_000)
    """Demo only: how many times as fast as real time legal time runs; 0 stands still."""

    @field_validator("outside_witnesses")
    @classmethod
    def _are_witnesses(cls, text: str) -> str:
        outsiders_of(text)
        return text

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, text: str) -> str:
        for origin in filter(None, map(str.strip, text.split(","))):
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
                raise ValueError(f"not an origin such as https://name: {origin!r}")
        return text

    @model_validator(mode="after")
    def _production_is_real(self) -> Self:
        driven = [
            name
            for name in ("seed", "clock_start", "clock_rate")
            if getattr(self, name) not in ("", None)
        ]
        if self.environment is Environment.PRODUCTION and driven:
            names = ", ".join(f"{PREFIX}{name.upper()}" for name in driven)
            raise ValueError(f"{names}: refused in production (demo only)")
        return self

    @property
    def is_demo(self) -> bool:
        return self.environment is Environment.DEMO

    @property
    def url(self) -> str:
        """The database's address, the default filled in."""
        return self.database_url or f"sqlite:///{self.data / 'bigloop.db'}"

    @property
    def public_key(self) -> Path:
        """The public half of the log's key, beside the private one: a line for trust files."""
        return self.data / "keys" / "log.vkey"

    @property
    def dossiers(self) -> Path:
        """Where finished dossiers are written: one folder a subject."""
        return self.data / "dossiers"

    @property
    def allowed_origins(self) -> frozenset[str]:
        return frozenset(
            text.strip().rstrip("/").lower() for text in self.origins.split(",") if text.strip()
        )
