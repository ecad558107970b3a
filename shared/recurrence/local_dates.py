"""Dates on the walls of time zones, by the pinned `tzdata` package alone."""

import zoneinfo
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

# Without this, zoneinfo prefers the machine's own files to the pinned package.
zoneinfo.reset_tzpath(to=())

_NOON = time(12)
_EASTERNMOST = timedelta(hours=14)
_WESTERNMOST = timedelta(hours=-12)


class UnknownTimeZone(Exception):
    """The pinned time-zone data has no zone of this name; only newer data can help."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown time zone {name!r}")


def zone_named(name: str) -> zoneinfo.ZoneInfo:
    """Return the zone. Raises UnknownTimeZone."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownTimeZone(name) from error


def local_date_at(instant: datetime, time_zone: str) -> date:
    """Return the date on the wall of that zone at that instant. Raises UnknownTimeZone."""
    return instant.astimezone(zone_named(time_zone)).date()


def had_date(zone: zoneinfo.ZoneInfo, day: date) -> bool:
    """Whether the wall of a zone ever shows the date: Samoa left out 30 December 2011."""
    noon = datetime.combine(day, _NOON, zone)
    return noon.astimezone(UTC).astimezone(zone).date() == day


class ZonePeriod(Protocol):
    """A time zone of somebody's, from an instant on."""

    @property
    def since(self) -> datetime: ...
    @property
    def time_zone(self) -> str: ...


def time_zone_at(periods: Sequence[ZonePeriod], instant: datetime) -> str | None:
    """Return the zone that somebody was in at an instant; `periods` are those known, oldest first.

    Before the first it was the first; None when none is known.
    """
    begun = [period for period in periods if period.since <= instant]
    known = begun[-1:] or periods[:1]
    return known[0].time_zone if known else None


def latest_date_at(instant: datetime) -> date:
    """Return the date in the zone that is ahead of all others (UTC+14)."""
    return (instant + _EASTERNMOST).date()


def earliest_date_at(instant: datetime) -> date:
    """Return the date in the zone that is behind all others (UTC-12)."""
    return (instant + _WESTERNMOST).date()
