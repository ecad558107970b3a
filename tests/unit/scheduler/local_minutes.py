"""A second, slow way to find when a local time happens: walk the minutes of a zone and look.

It asks the zone only what a wall clock shows at an instant, never how to get from a local time to
an instant, so it shares nothing with what it checks.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from services.scheduler.announced import Announced, announced_with
from services.scheduler.recurrence import (
    Occurrence,
    Recurrence,
    next_occurrence,
    occurrence_after,
)

MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_MINUTES = [number * MINUTE for number in range(60)]


def following(recurrence: Recurrence, after: datetime, count: int) -> list[Occurrence]:
    """Return the next occurrences, each announced before the next is looked for."""
    found: list[Occurrence] = []
    announced: Announced | None = None
    occurrence = next_occurrence(recurrence, after)
    while occurrence is not None and len(found) < count:
        found.append(occurrence)
        announced = announced_with(announced, occurrence.local_date, occurrence.slot)
        occurrence = occurrence_after(recurrence, occurrence, announced)
    return found


def happens_at(zone_name: str, local_date: date, local_time: time) -> datetime | None:
    """Return the instant of a local time (whole minutes); None for a date the zone never had.

    A time that the clocks skip is later by as much as they skip; of two, the first counts.
    """
    minutes = _first_instants(zone_name, local_date)
    if not any(wall.date() == local_date for wall in minutes):
        return None
    wanted = datetime.combine(local_date, local_time)
    if wanted in minutes:
        return minutes[wanted]
    last_before = max(wall for wall in minutes if wall < wanted)
    first_after = min(wall for wall in minutes if wall > wanted)
    skipped = first_after - last_before - MINUTE
    return minutes[wanted + skipped]


@cache
def offset_changes(zone_name: str, first_year: int, last_year: int) -> list[datetime]:
    """Return the first whole hours (UTC) after each change of a zone's clocks."""
    zone = ZoneInfo(zone_name)
    hour = datetime(first_year, 1, 1, tzinfo=UTC)
    end = datetime(last_year + 1, 1, 1, tzinfo=UTC)
    # Two changes less than a week apart (Ramadan's are four weeks apart) would hide one another.
    step = timedelta(days=7)
    changes = []
    while hour < end:
        if _offset(zone, hour) != _offset(zone, hour + step):
            changes.append(_first_hour_of_change(zone, hour, hour + step))
        hour += step
    return changes


def _first_hour_of_change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    while after - before > timedelta(hours=1):
        middle = before + timedelta(hours=((after - before) // timedelta(hours=1)) // 2)
        if _offset(zone, middle) == _offset(zone, before):
            before = middle
        else:
            after = middle
    return after


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()


@lru_cache(maxsize=256)
def _first_instants(zone_name: str, local_date: date) -> dict[datetime, datetime]:
    zone = ZoneInfo(zone_name)
    # From an hour before the date begins at +14:00 to two hours after it ends at -12:00.
    instant = datetime.combine(local_date, time(), tzinfo=UTC) - timedelta(hours=15)
    end = instant + timedelta(hours=15 + 38)
    minutes: dict[datetime, datetime] = {}
    while instant < end:
        for minute, wall in _hour(zone, instant):
            minutes.setdefault(wall, minute)
        instant += _HOUR
    return minutes


def _hour(zone: ZoneInfo, begin: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the minutes of an hour with what a wall clock shows; only a change needs many looks."""
    shown = begin.astimezone(zone).replace(tzinfo=None, second=0)
    is_steady = _offset(zone, begin) == _offset(zone, begin + _HOUR)
    for minute in _MINUTES:
        instant = begin + minute
        if is_steady:
            yield instant, shown + minute
        else:
            yield instant, instant.astimezone(zone).replace(tzinfo=None, second=0)
