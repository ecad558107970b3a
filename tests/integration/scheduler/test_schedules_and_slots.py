"""Schedules of every kind and several times a day, from the event to the announcement."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from services.scheduler.due_tick import tick
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.events import REMINDER_DUE, REMINDER_MISSED, HabitStateV2
from shared.instants import now
from shared.recurrence.schedules import EveryNDays, Weekdays
from tests.integration.scheduler.story import (
    GRACE,
    deliver,
    linked_account,
    next_due,
    row_of,
    seconds_ago,
    time_at,
    told,
    wait_since,
)
from tests.unit.scheduler.states import habit_state, habit_state_v2, instant

ONE_DAY = timedelta(days=1)


def due_twice(*due: datetime, **changes: Any) -> HabitStateV2:
    """A habit with those times in UTC, from just before the first."""
    since = due[0] - timedelta(seconds=1)
    usual = habit_state_v2(
        times=[time_at(each) for each in due],
        created_at=since,
        updated_at=since,
        timing_since=since,
    )
    return replace(usual, **changes)


def test_the_second_version_of_its_events_takes_over_from_the_first(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state())

    on_saturdays = habit_state_v2(
        version=2,
        times=[time(9), time(21)],
        schedule=Weekdays((6,)),
        period_days=None,
        start_date=date(2026, 5, 1),
    )
    deliver(engine, on_saturdays, habit_state(version=1, time=time(8)))

    assert next_due(engine) == instant("2026-05-02T09:00")
    assert row_of(engine).anchor_date == date(2026, 5, 1)


def test_what_the_first_version_can_tell_a_process_of_the_release_before_can_read(
    engine: Engine,
) -> None:
    linked_account(engine)

    deliver(engine, habit_state_v2(schedule=EveryNDays(n=3), times=[time(9)]))

    row = row_of(engine)
    assert (row.local_time, row.period_days, row.timing) == (time(9), 3, None)


@pytest.mark.parametrize(
    ("changes", "due_at"),
    [
        pytest.param({"start_date": date(2026, 5, 3)}, "2026-05-03T07:00", id="a start to come"),
        pytest.param({"paused_until": date(2026, 5, 4)}, "2026-05-04T07:00", id="a pause"),
        pytest.param({"end_date": date(2026, 4, 30)}, None, id="an end that has passed"),
        pytest.param({"archived_at": instant("2026-05-01T06:00")}, None, id="an archived habit"),
    ],
)
def test_dates_decide_what_comes_next(
    engine: Engine, changes: dict[str, Any], due_at: str | None
) -> None:
    linked_account(engine)

    deliver(engine, habit_state_v2(**changes))

    assert next_due(engine) == (None if due_at is None else instant(due_at))


def test_every_time_of_a_date_is_announced_once_with_an_id_of_its_own(engine: Engine) -> None:
    second = seconds_ago(1)
    first = second - timedelta(seconds=30)
    linked_account(engine)
    deliver(engine, due_twice(first, second, target_value=2.5, unit="litres"))

    assert (tick(engine, GRACE), tick(engine, GRACE)) == (1, 0)

    assert [(one.type, one.body["id"], one.slot) for one in told(engine)] == [
        (REMINDER_DUE, f"habit-1:{first.date()}", 0),
        (REMINDER_DUE, f"habit-1:{second.date()}:1", 1),
    ]
    body = told(engine)[1].body
    assert body["local_time"] == time_at(second).isoformat()
    assert (body["target_value"], body["unit"]) == (2.5, "litres")
    assert next_due(engine) == first + ONE_DAY


def test_a_time_that_is_moved_after_its_announcement_does_not_come_again_that_date(
    engine: Engine,
) -> None:
    first = seconds_ago(1)
    evening = first + timedelta(minutes=2)
    linked_account(engine)
    before = due_twice(first, evening)
    deliver(engine, before)
    tick(engine, GRACE)

    moved_to = first + timedelta(minutes=1)
    times = [time_at(moved_to), time_at(evening)]
    deliver(engine, replace(before, version=2, times=times, timing_since=now()))

    # The other time of the date is still to come.
    assert next_due(engine) == evening
    row = row_of(engine)
    assert (row.next_local_date, row.next_slot) == (evening.date(), 1)


def test_after_an_outage_each_time_is_announced_late_and_the_older_dates_are_missed(
    engine: Engine,
) -> None:
    second = seconds_ago(60)
    first = second - timedelta(minutes=5)
    linked_account(engine)
    deliver(engine, due_twice(first, second))
    wait_since(engine, first - 2 * ONE_DAY)

    tick(engine, GRACE)

    assert [one.type for one in told(engine)] == [REMINDER_MISSED] * 4 + [REMINDER_DUE] * 2
    assert {(one.local_date, one.slot) for one in told(engine)} == {
        (first.date() - days * ONE_DAY, slot) for days in range(3) for slot in range(2)
    }


def test_what_was_due_before_a_habit_ended_is_announced(engine: Engine) -> None:
    due_at = seconds_ago(1)
    linked_account(engine)
    before = due_twice(due_at)
    deliver(engine, before)

    deliver(
        engine, replace(before, version=2, end_date=due_at.date() - ONE_DAY, timing_since=now())
    )

    assert [one.type for one in told(engine)] == [REMINDER_DUE]
    assert next_due(engine) is None


def test_an_archived_habit_is_silent_at_once_and_goes_on_when_it_comes_back(
    engine: Engine,
) -> None:
    due_at = seconds_ago(1)
    linked_account(engine)
    before = due_twice(due_at)
    deliver(engine, before)

    archived = replace(before, version=2, archived_at=now(), timing_since=now())
    deliver(engine, archived)
    assert (tick(engine, GRACE), told(engine)) == (0, [])
    deliver(engine, replace(before, version=3, timing_since=now()))

    assert next_due(engine) == due_at + ONE_DAY
    assert told(engine) == []


@pytest.mark.parametrize("times", [[], [time(hour) for hour in range(9)]])
def test_a_habit_whose_times_nobody_could_tell_apart_is_unreadable(
    engine: Engine, times: list[time]
) -> None:
    linked_account(engine)

    with pytest.raises(UnreadableMessage, match="1 to 8 times"):
        deliver(engine, habit_state_v2(times=times))

    assert row_of(engine) is None
