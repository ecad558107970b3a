"""When reminders are due: on a schedule's local dates, at wall-clock times, in the owner's zone.

Guarantees, for every zone of the pinned `tzdata` package:

* An occurrence belongs to one local date and one slot, the index of its time; each date of the
  schedule has exactly one for each slot.
* Every N days counts local dates from the anchor, never multiples of 24 hours.
* A local time that a clock change skips is shifted by the length of the gap; one that happens
  twice means the first (RFC 5545, section 3.3.5). A whole date that a zone skipped (Samoa, 30
  December 2011) has no occurrence.
* Occurrences follow one another by their instants, so a time that a gap shifts may come after a
  later one, even after one of the next date.
* Nothing here reads a clock, a database or the machine's own time-zone files: the system's copy
  is often older than the pinned package, and two replicas must never disagree about an instant
  (see `shared.recurrence.local_dates`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import metadata
from zoneinfo import ZoneInfo

from services.scheduler.announced import Announced
from services.scheduler.timing import Timing
from shared.recurrence.local_dates import had_date, zone_named
from shared.recurrence.schedules import scheduled_dates

TZDATA_VERSION = metadata.version("tzdata")

_ONE_DAY = timedelta(days=1)
_A_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A timing in a time zone; `anchor_date` is the date from which its dates count."""

    time_zone: str
    timing: Timing
    anchor_date: date


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One reminder to come: the local date and slot that identify it, and when (UTC) it is due."""

    local_date: date
    due_at: datetime
    slot: int = 0


def next_occurrence(
    recurrence: Recurrence, after: datetime, announced: Announced | None = None
) -> Occurrence | None:
    """Return the first occurrence due after `after` that is not announced; None when all are over.

    `announced` is what keeps a traveller from being reminded twice on one date: after a flight
    from Tokyo to Los Angeles the same local date begins a second time.
    Raises UnknownTimeZone.
    """
    zone = zone_named(recurrence.time_zone)
    # A gap can push an occurrence past midnight, so yesterday's may still lie ahead.
    earliest = after.astimezone(zone).date() - _ONE_DAY
    if announced is not None:
        earliest = max(earliest, announced.date - _ONE_DAY)
    first: Occurrence | None = None
    for day in _dates_from(recurrence, earliest):
        if first is not None and first.due_at.astimezone(zone).date() < day:
            break
        for slot, local_time in enumerate(recurrence.timing.times):
            if announced is not None and announced.covers(day, slot):
                continue
            due_at = instant_of(day, local_time, zone)
            if due_at <= after or (first is not None and first.due_at <= due_at):
                continue
            if had_date(zone, day):
                first = Occurrence(day, due_at, slot)
    return first


def occurrence_after(
    recurrence: Recurrence, occurrence: Occurrence, announced: Announced
) -> Occurrence | None:
    """Return what comes after an occurrence that is announced; it may be due at the same instant.

    Raises UnknownTimeZone.
    """
    return next_occurrence(recurrence, occurrence.due_at - _A_MOMENT, announced)


def _dates_from(recurrence: Recurrence, earliest: date) -> Iterator[date]:
    timing = recurrence.timing
    if timing.paused_until is not None:
        earliest = max(earliest, timing.paused_until)
    last = timing.end_date or date.max
    return scheduled_dates(timing.schedule, recurrence.anchor_date, earliest, last)


def instant_of(local_date: date, local_time: time, zone: ZoneInfo) -> datetime:
    """Return when (UTC) a zone's wall shows a date and time."""
    # fold=0 is the rule itself: the first of two, and the offset before a gap, which shifts by
    # the gap.
    return datetime.combine(local_date, local_time.replace(fold=0), tzinfo=zone).astimezone(UTC)
