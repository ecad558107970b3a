"""Which rules a habit has followed and no longer does, and what was due while it did. Pure.

Three states decide together: a habit's timing, its owner's settings, and the link to a chat. A
version of a state holds from its own beginning to that of the version after it; as long as that
one has not been heard of, its end is not known. So a state that comes late still tells what was
due while it held, and in whatever order states come, all of them together say the same.

When reminding has ended in between, what had been due before is no longer wanted.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise, product
from typing import Generic, TypeVar

from services.scheduler.announced import announced_with
from services.scheduler.recurrence import (
    Occurrence,
    Recurrence,
    next_occurrence,
    occurrence_after,
)
from services.scheduler.timing import Timing

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Version(Generic[Value]):
    """One version of a state; `value` is None when nothing is reminded of while it holds."""

    number: int
    since: datetime
    value: Value | None


@dataclass(frozen=True, slots=True)
class History:
    """All that is known of the states that decide on a habit, each by its version's number."""

    timings: Sequence[Version[Timing]]
    time_zones: Sequence[Version[str]]
    links: Sequence[Version[bool]]


@dataclass(frozen=True, slots=True)
class PastRule:
    """A rule that was followed after `since`, up to and including `until`."""

    since: datetime
    until: datetime
    timing: Timing
    time_zone: str


@dataclass(frozen=True, slots=True)
class _Period(Generic[Value]):
    since: datetime
    until: datetime | None
    value: Value | None


def past_rules(history: History) -> list[PastRule]:
    """Return the rules a habit has followed since reminding last began, oldest first."""
    timings = _periods(history.timings)
    time_zones = _periods(history.time_zones)
    links = _periods(history.links)
    rules = [
        rule
        for timing, zone, link in product(timings, time_zones, links)
        if (rule := _past_rule(timing, zone, link)) is not None
    ]
    silences = [_ends_of_silence(timings), _ends_of_silence(time_zones), _ends_of_silence(links)]
    begin = max((end for ends in silences for end in ends), default=None)
    rules.sort(key=lambda rule: rule.since)
    return [rule for rule in rules if begin is None or rule.since >= begin]


def past_occurrences(
    history: History, anchor_date: date, after: datetime
) -> Iterator[tuple[PastRule, Occurrence]]:
    """Yield what was due after an instant while each past rule was followed, oldest first.

    Raises UnknownTimeZone.
    """
    announced = None
    for rule in past_rules(history):
        recurrence = Recurrence(rule.time_zone, rule.timing, rule.timing.start_date or anchor_date)
        occurrence = next_occurrence(recurrence, max(rule.since, after), announced)
        while occurrence is not None and occurrence.due_at <= rule.until:
            yield rule, occurrence
            announced = announced_with(announced, occurrence.local_date, occurrence.slot)
            occurrence = occurrence_after(recurrence, occurrence, announced)


def _periods(versions: Sequence[Version[Value]]) -> list[_Period[Value]]:
    """Return when each version held, as far as is known; the newest holds still."""
    in_order = sorted(versions, key=lambda version: version.number)
    closed = [
        _Period(version.since, following.since, version.value)
        for version, following in pairwise(in_order)
        if following.number == version.number + 1 and version.since < following.since
    ]
    return closed + [_Period(version.since, None, version.value) for version in in_order[-1:]]


def _past_rule(timing: _Period[Timing], zone: _Period[str], link: _Period[bool]) -> PastRule | None:
    ends = [period.until for period in (timing, zone, link) if period.until is not None]
    if timing.value is None or zone.value is None or link.value is None or not ends:
        return None
    since, until = max(timing.since, zone.since, link.since), min(ends)
    return PastRule(since, until, timing.value, zone.value) if since < until else None


def _ends_of_silence(periods: Iterable[_Period[Value]]) -> list[datetime]:
    return [period.until for period in periods if period.value is None and period.until]
