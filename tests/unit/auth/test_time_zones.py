"""The zones an account may live in."""

from zoneinfo import ZoneInfo

import pytest

from services.auth.time_zones import TIME_ZONES


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def test_places_are_zones(name: str) -> None:
    assert name in TIME_ZONES


@pytest.mark.parametrize("name", ["", "Factory", "localtime", "posixrules", "zone.tab", "utc"])
def test_placeholders_and_files_are_not(name: str) -> None:
    assert name not in TIME_ZONES


def test_every_zone_can_be_loaded() -> None:
    assert all(ZoneInfo.no_cache(name) for name in TIME_ZONES)
