"""The rule against a walk over the minutes of every zone of the pinned database."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.recurrence import Recurrence, next_occurrence, occurrences_from
from tests.unit.scheduler.local_minutes import happens_at, offset_changes

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


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_next_occurrence_is_what_a_walk_over_the_minutes_finds(data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(ZONES), "zone")
    after = data.draw(instants_near_clock_changes(zone), "after")
    local_time = data.draw(
        st.one_of(
            st.builds(time, st.integers(0, 23), st.integers(0, 59)),
            st.sampled_from([time(0), time(0, 30), time(1, 30), time(2, 30), time(23, 30)]),
        ),
        "local time",
    )
    period_days = data.draw(st.integers(1, 7), "period")
    anchor_date = after.date() - timedelta(days=data.draw(st.integers(-10, 400), "anchor"))
    recurrence = Recurrence(zone, local_time, period_days, anchor_date)

    first = next_occurrence(recurrence, after)
    found = list(islice(occurrences_from(recurrence, first), 2))

    assert [(each.local_date, each.due_at) for each in found] == _walk(recurrence, after, 2)


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
        recurrence = Recurrence(zone, local_time, 1, date(2020, 1, 1))
        found = next_occurrence(recurrence, long_before, the_day_before)
        assert (found.local_date, found.due_at) == (day, happens_at(zone, day, local_time)), zone


def _walk(recurrence: Recurrence, after: datetime, count: int) -> list[tuple[date, datetime]]:
    found: list[tuple[date, datetime]] = []
    day = recurrence.anchor_date
    while day < after.date() - timedelta(days=2):
        day += timedelta(days=recurrence.period_days)
    while len(found) < count:
        due_at = happens_at(recurrence.time_zone, day, recurrence.local_time)
        if due_at is not None and due_at > after:
            found.append((day, due_at))
        day += timedelta(days=recurrence.period_days)
    return found
