"""When reminders are due: every N local dates, at a wall-clock time, in the owner's time zone.

Guarantees, for every zone of the pinned `tzdata` package:

* An occurrence belongs to one local date, and each date of the habit's grid has exactly one.
* The grid counts local dates from the anchor (the day of creation), never multiples of 24 hours.
* A local time that a clock change skips is shifted by the length of the gap; one that happens
  twice means the first (RFC 5545, section 3.3.5). A whole date that a zone skipped (Samoa, 30
  December 2011) has no occurrence.
* Nothing here reads a clock, a database or the machine's own time-zone files: the system's copy
  is often older than the pinned package, and two replicas must never disagree about an instant
  (see `shared.recurrence.local_dates`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import metadata
from zoneinfo import ZoneInfo

from shared.recurrence.local_dates import had_date, zone_named

TZDATA_VERSION = metadata.version("tzdata")

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """At `local_time` on `anchor_date` and on every `period_days`-th local date after it."""

    time_zone: str
    local_time: time
    period_days: int
    anchor_date: date


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One reminder to come: the local date that identifies it, and the instant (UTC) it is due."""

    local_date: date
    due_at: datetime


def next_occurrence(
    recurrence: Recurrence, after: datetime, last_local_date: date | None = None
) -> Occurrence:
    """Return the first occurrence due after `after` with a date after `last_local_date`.

    `last_local_date` is what keeps a traveller from being reminded twice on one date: after a
    flight from Tokyo to Los Angeles the same local date begins a second time.
    """
    zone = zone_named(recurrence.time_zone)
    # A gap can push an occurrence past midnight, so yesterday's may still lie ahead.
    earliest = max(recurrence.anchor_date, after.astimezone(zone).date() - _ONE_DAY)
    if last_local_date is not None:
        earliest = max(earliest, last_local_date + _ONE_DAY)
    candidate = _on_grid(recurrence, earliest)
    while True:
        due_at = _instant(candidate, recurrence.local_time, zone)
        if due_at > after and had_date(zone, candidate):
            return Occurrence(local_date=candidate, due_at=due_at)
        candidate += timedelta(days=recurrence.period_days)


def occurrences_from(recurrence: Recurrence, first: Occurrence) -> Iterator[Occurrence]:
    """Yield `first` and everything that follows it, without end."""
    occurrence = first
    while True:
        yield occurrence
        occurrence = next_occurrence(recurrence, occurrence.due_at, occurrence.local_date)


def _on_grid(recurrence: Recurrence, earliest: date) -> date:
    days_after_anchor = (earliest - recurrence.anchor_date).days
    periods = -(-days_after_anchor // recurrence.period_days)
    return recurrence.anchor_date + timedelta(days=periods * recurrence.period_days)


def _instant(local_date: date, local_time: time, zone: ZoneInfo) -> datetime:
    # fold=0 is the rule itself: the first of two, and the offset before a gap, which shifts by
    # the gap.
    return datetime.combine(local_date, local_time.replace(fold=0), tzinfo=zone).astimezone(UTC)
