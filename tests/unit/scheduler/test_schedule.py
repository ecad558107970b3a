from datetime import date, time, timedelta

import pytest

from services.scheduler.recurrence import Occurrence
from services.scheduler.schedule import (
    Habit,
    Owner,
    Parked,
    Scheduled,
    Unscheduled,
    ZonePeriod,
    plan,
)
from services.scheduler.timing import every_n_days
from shared.recurrence.schedules import EveryNDays
from tests.unit.scheduler.states import LONG_AGO, habit, instant, owner, timing

MAY_1 = date(2026, 5, 1)


def test_a_useful_habit_of_an_active_account_with_a_linked_chat_is_scheduled() -> None:
    assert plan(habit(), owner(), []) == Scheduled(
        MAY_1, Occurrence(MAY_1, instant("2026-05-01T07:00"))
    )


@pytest.mark.parametrize(
    ("unwanted", "its_owner"),
    [
        pytest.param(habit(is_pleasant=True), owner(), id="a pleasant habit"),
        pytest.param(habit(deleted=True), owner(), id="a deleted habit"),
        pytest.param(habit(is_archived=True), owner(), id="an archived habit"),
        pytest.param(
            habit(timing=timing(end_date=date(2026, 4, 30))), owner(), id="a habit that has ended"
        ),
        pytest.param(habit(), owner(is_active=False), id="a disabled account"),
        pytest.param(habit(), owner(is_linked=False, linked_since=None), id="no linked chat"),
        pytest.param(
            habit(),
            owner(version=0, is_active=False, time_zone=None, locale=None, settings_since=None),
            id="an account not heard of",
        ),
    ],
)
def test_nothing_else_is_scheduled(unwanted: Habit, its_owner: Owner) -> None:
    assert plan(unwanted, its_owner, []) == Unscheduled()


@pytest.mark.parametrize(
    ("changed_habit", "changed_owner"),
    [
        pytest.param(habit(timing_since=instant("2026-05-04T07:30")), owner(), id="its timing"),
        pytest.param(habit(), owner(settings_since=instant("2026-05-04T07:30")), id="the zone"),
        pytest.param(habit(), owner(linked_since=instant("2026-05-04T07:30")), id="the link"),
    ],
)
def test_the_next_occurrence_follows_the_latest_change_that_decides_on_it(
    changed_habit: Habit, changed_owner: Owner
) -> None:
    planned = plan(changed_habit, changed_owner, [])

    assert isinstance(planned, Scheduled)
    assert planned.occurrence.due_at == instant("2026-05-05T07:00")


def test_a_habit_created_just_before_its_minute_is_due_in_that_minute() -> None:
    just_before = instant("2026-05-01T07:00") - timedelta(milliseconds=100)

    planned = plan(habit(created_at=just_before, timing_since=just_before), owner(), [])

    assert planned == Scheduled(MAY_1, Occurrence(MAY_1, instant("2026-05-01T07:00")))


def test_days_are_counted_from_the_date_of_creation_in_the_zone_of_that_moment() -> None:
    # Created on the evening of 30 April in New York; in Berlin it was 1 May already.
    zones = [
        ZonePeriod(LONG_AGO, "America/New_York"),
        ZonePeriod(instant("2026-05-02T00:00"), "Europe/Berlin"),
    ]
    created = habit(created_at=instant("2026-05-01T02:00"), timing=every_n_days(time(7), 2))
    moved = owner(time_zone="Europe/Berlin", settings_since=instant("2026-05-02T00:00"))

    planned = plan(created, moved, zones)

    assert planned == Scheduled(
        date(2026, 4, 30), Occurrence(date(2026, 5, 2), instant("2026-05-02T05:00"))
    )


def test_a_habit_older_than_all_known_zones_counts_in_the_oldest() -> None:
    zones = [ZonePeriod(instant("2026-05-03T00:00"), "America/New_York")]
    created = habit(created_at=instant("2026-05-01T02:00"))

    planned = plan(created, owner(time_zone="Europe/Berlin"), zones)

    assert isinstance(planned, Scheduled)
    assert planned.anchor_date == date(2026, 4, 30)


def test_a_told_start_is_what_dates_count_from() -> None:
    started = habit(timing=timing(schedule=EveryNDays(n=3), start_date=date(2026, 4, 29)))

    planned = plan(started, owner(), [])

    assert planned == Scheduled(
        date(2026, 4, 29), Occurrence(date(2026, 5, 2), instant("2026-05-02T07:00"))
    )


def test_a_zone_without_data_parks_the_habit() -> None:
    assert plan(habit(), owner(time_zone="Mars/Olympus"), []) == Parked(
        "unknown time zone 'Mars/Olympus'"
    )
