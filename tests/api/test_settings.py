"""Settings: documented, and production is real."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from api.office import NotForProduction, open_custodian, open_office
from api.settings import PREFIX, Environment, Settings
from archive.clock import DrivenClock, SystemClock
from archive.entropy import SeededEntropy

DOCS = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def test_every_setting_is_documented_and_no_other() -> None:
    rows = re.findall(rf"^\| `{PREFIX}([A-Z_]+)` \|", DOCS.read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(name.upper() for name in Settings.model_fields)


def test_the_documented_defaults_are_true() -> None:
    defaults = dict(
        re.findall(
            rf"^\| `{PREFIX}([A-Z_]+)` \| `([^`]*)` \|", DOCS.read_text("utf-8"), re.MULTILINE
        )
    )
    assert len(defaults) > 10
    for name, text in defaults.items():
        value = Settings.model_fields[name.lower()].default
        assert str(value).lower() == text.lower(), name


@pytest.mark.parametrize(
    ("name", "value"),
    [("SEED", "x"), ("CLOCK_START", "2026-10-21T01:00:00Z"), ("CLOCK_RATE", "0")],
)
def test_production_refuses_what_repeats_or_moves_time(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(ValidationError, match=f"{PREFIX}{name}: refused in production"):
        Settings()
    monkeypatch.setenv(f"{PREFIX}ENVIRONMENT", "demo")
    assert Settings().is_demo


def test_production_refuses_a_driven_clock_handed_in(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    with pytest.raises(NotForProduction):
        open_office(settings, clock=DrivenClock(datetime(2026, 1, 1, tzinfo=UTC)))
    with pytest.raises(NotForProduction):
        open_office(settings, entropy=SeededEntropy(b"1"))
    office = open_office(settings)
    assert isinstance(office.clock, SystemClock)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ORIGINS", "trade.example"),
        ("ORIGINS", "https://trade.example/path"),
        ("LOG_NAME", "two words"),
        ("PORT", "70000"),
        ("LANGUAGE", "fr"),
        ("CLOCK_START", "2026-10-21T01:00:00"),
    ],
)
def test_a_wrong_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"{PREFIX}ENVIRONMENT", "demo")
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(ValidationError):
        Settings()


def test_keys_are_made_once_and_readable_by_the_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "d")
    office = open_office(settings)
    custodian = open_custodian(settings, office)
    keys = tmp_path / "d" / "keys"
    assert keys.stat().st_mode & 0o077 == 0
    assert {p.name: p.stat().st_mode & 0o777 for p in keys.glob("*.key")} == {
        "log.key": 0o600,
        "custodian.key": 0o600,
        "keeper.key": 0o600,
    }
    assert (keys / "log.vkey").read_text() == office.log.verifier.vkey + "\n"
    again = open_office(settings)
    assert again.log.verifier == office.log.verifier
    assert open_custodian(settings, again).public_key("lot/a") == custodian.public_key("lot/a")


def test_a_seeded_demo_repeats_its_keys(tmp_path: Path) -> None:
    made = [
        open_office(Settings(environment=Environment.DEMO, data=tmp_path / name, seed="7"))
        for name in ("a", "b")
    ]
    assert made[0].log.verifier == made[1].log.verifier
