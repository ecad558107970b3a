"""The rule against a walk over the minutes of every zone of the pinned database."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.announced import Announced
from services.scheduler.recurrence import Recurrence, next_occurrence
from services.scheduler.timing import Timing
from shared.recurrence.schedules import EveryNDays, Schedule, TimesPerWeek, Weekdays
from tests.unit.scheduler.local_minutes import following, happens_at, offset_changes
from tests.unit.scheduler.states import timing

ZONES = sorted(available_timezones())
FIRST_YEAR, LAST_YEAR = 2024, 2030
GROUPS = 8


@st.composite
def instants_near_clock_changes(draw: st.DrawFn, zone: str) -> datetime:
    anywhere = st.datetimes(
        datetime(FIRST_YEAR, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
        datetime(LAST_YEAR, 12, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    )
    changes = offset_changes(zone, FIRST_YEAR, LAST_YEAR)
    if not changes:
        return draw(anywhere)
    near = st.builds(
        lambda change, minutes: change + timedelta(minutes=minutes),
        st.sampled_from(changes),
        st.integers(-2 * 24 * 60, 2 * 24 * 60),
    )
    return draw(st.one_of(near, anywhere))


SCHEDULES: st.SearchStrategy[Schedule] = st.one_of(
    st.builds(EveryNDays, n=st.integers(1, 7)),
    st.builds(lambda days: Weekdays(tuple(sorted(days))), st.sets(st.integers(1, 7), min_size=1)),
    st.builds(TimesPerWeek, times=st.integers(1, 7)),
)
TIMES = st.one_of(
    st.builds(time, st.integers(0, 23), st.integers(0, 59)),
    st.sampled_from([time(0), time(0, 30), time(1, 30), time(2, 30), time(23, 30)]),
)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_next_occurrence_is_what_a_walk_over_the_minutes_finds(data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(ZONES), "zone")
    after = data.draw(instants_near_clock_changes(zone), "after")
    days = st.integers(-10, 10).map(lambda days: after.date() + timedelta(days=days))
    followed = Timing(
        times=tuple(sorted(data.draw(st.sets(TIMES, min_size=1, max_size=4), "times"))),
        schedule=data.draw(SCHEDULES, "schedule"),
        end_date=data.draw(st.none() | days, "end"),
        paused_until=data.draw(st.none() | days, "pause"),
    )
    anchor_date = after.date() - timedelta(days=data.draw(st.integers(-10, 400), "anchor"))
    recurrence = Recurrence(zone, followed, anchor_date)

    found = following(recurrence, after, 4)

    walked = _walk(recurrence, after, 4)
    # What happens at one instant has no order of its own.
    assert sorted((each.due_at, each.local_date, each.slot) for each in found) == walked
    assert [each.due_at for each in found] == [due_at for due_at, _, _ in walked]


@pytest.mark.parametrize("group", range(GROUPS))
def test_every_zone_keeps_the_rule_on_the_days_its_clocks_change(group: int) -> None:
    for zone in ZONES[group::GROUPS]:
        for change in offset_changes(zone, 2026, 2026):
            for day in (change.date() - timedelta(days=1), change.date()):
                _check_each_half_hour(zone, day)


def _check_each_half_hour(zone: str, day: date) -> None:
    the_day_before = day - timedelta(days=1)
    long_before = datetime.combine(day, time(), tzinfo=UTC) - timedelta(days=3)
    for half_hours in range(48):
        local_time = time(half_hours // 2, 30 * (half_hours % 2))
        recurrence = Recurrence(zone, timing(local_time.isoformat()), date(2020, 1, 1))
        found = next_occurrence(recurrence, long_before, Announced(the_day_before, 0xFF01))
        assert found is not None
        assert (found.local_date, found.due_at) == (day, happens_at(zone, day, local_time)), zone


def _walk(recurrence: Recurrence, after: datetime, wanted: int) -> list[tuple[datetime, date, int]]:
    """Look at every date of some weeks, and at every time of each.

    Two dates on, nothing can be earlier than what is found.
    """
    timing_, anchor = recurrence.timing, recurrence.anchor_date
    found: list[tuple[datetime, date, int]] = []
    begin = max(after.date() - timedelta(days=2), anchor, timing_.paused_until or date.min)
    for number in range(4 * 7 + 2):
        day = begin + timedelta(days=number)
        is_over = timing_.end_date is not None and day > timing_.end_date
        if is_over or (len(found) >= wanted and day > found[wanted - 1][1] + timedelta(days=2)):
            break
        if not _is_meant(timing_.schedule, anchor, day):
            continue
        for slot, local_time in enumerate(timing_.times):
            due_at = happens_at(recurrence.time_zone, day, local_time)
            if due_at is not None and due_at > after:
                found = sorted([*found, (due_at, day, slot)])
    return found[:wanted]


def _is_meant(schedule: Schedule, anchor: date, day: date) -> bool:
    match schedule:
        case EveryNDays(n=n):
            return day in {anchor + timedelta(days=n * each) for each in range(450)}
        case Weekdays(weekdays=weekdays):
            return day.strftime("%u") in map(str, weekdays)
        case TimesPerWeek():
            return True
