"""What a tick process does beside ticking: newer time-zone data, old records, gauges."""

from datetime import date, timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, func, select, update

from services.scheduler.due_tick import tick
from services.scheduler.operator_commands import run_unpark
from services.scheduler.record_retention import KEPT, RETENTIONS
from services.scheduler.recurrence import TZDATA_VERSION
from services.scheduler.schedule import Parked
from services.scheduler.schedule_entries import ScheduleEntry, write_entries
from services.scheduler.schedule_gauges import measure_schedule
from services.scheduler.tables import (
    ACCOUNT_LINKS,
    ACCOUNTS,
    HABIT_TIMINGS,
    HABITS,
    REMINDERS,
)
from services.scheduler.tzdata_refresh import refresh_schedules
from shared.database import transaction
from shared.pruning import prune
from tests.integration.scheduler.story import (
    GRACE,
    deliver,
    linked_account,
    next_due,
    recorded,
    row_of,
    seconds_ago,
    time_at,
    told,
)
from tests.unit.scheduler.states import habit_state, instant, link_state


def outdate(engine: Engine, **columns: object) -> None:
    """Have all schedules look as if they had been made with older time-zone data."""
    with transaction(engine) as connection:
        connection.execute(update(HABITS).values(tzdata_version="2020.1", **columns))


def test_what_older_time_zone_data_scheduled_is_recomputed(engine: Engine) -> None:
    for number in range(5):
        linked_account(engine, id=f"account-{number}")
        deliver(engine, habit_state(id=f"habit-{number}", owner_id=f"account-{number}"))
    outdate(engine, next_due_at=instant("2026-05-01T08:00"))

    assert refresh_schedules(engine, GRACE, batch_size=2) == 5

    assert {next_due(engine, f"habit-{n}") for n in range(5)} == {instant("2026-05-01T07:00")}
    assert row_of(engine, "habit-0").tzdata_version == TZDATA_VERSION
    assert told(engine) == []


def test_what_the_installed_data_scheduled_is_left_alone(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state())
    before = row_of(engine)

    assert refresh_schedules(engine, GRACE) == 0

    assert row_of(engine) == before


def test_what_newer_data_scheduled_is_left_to_those_who_have_it(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state())
    year, number = map(int, TZDATA_VERSION.split(".")[:2])
    newer, older = f"{year}.{number + 10}", f"{year - 1}.10"
    outdate(engine, next_due_at=instant("2026-05-01T08:00"))
    for version, seen_to in ((newer, 0), (older, 1)):
        with transaction(engine) as connection:
            connection.execute(update(HABITS).values(tzdata_version=version))

        assert refresh_schedules(engine, GRACE) == seen_to


def test_recomputing_brings_no_date_twice(engine: Engine) -> None:
    due_at = seconds_ago(1)
    linked_account(engine)
    created_at = due_at - timedelta(minutes=1)
    deliver(engine, habit_state(time=time_at(due_at), updated_at=created_at))
    tick(engine, GRACE)
    outdate(engine)

    refresh_schedules(engine, GRACE)

    assert next_due(engine) == due_at + timedelta(days=1)


def test_a_parked_habit_is_tried_again_with_newer_data(engine: Engine) -> None:
    linked_account(engine, time_zone="Mars/Olympus")
    deliver(engine, habit_state())
    with transaction(engine) as connection:
        connection.execute(update(ACCOUNTS).values(time_zone="UTC"))
        connection.execute(update(HABITS).values(tzdata_version="2020.1"))
        connection.exec_driver_sql("UPDATE account_time_zones SET time_zone = 'UTC'")

    refresh_schedules(engine, GRACE)

    assert next_due(engine) == instant("2026-05-01T07:00")


def park(engine: Engine, *habit_ids: str) -> None:
    """Park habits as a bug of ours does."""
    with transaction(engine) as connection:
        write_entries(
            connection,
            [ScheduleEntry(each, Parked("TypeError: a bug"), None) for each in habit_ids],
        )


def test_a_parked_habit_goes_on_when_an_operator_says_so(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    linked_account(engine)
    deliver(engine, habit_state(), habit_state(id="habit-2"), habit_state(id="habit-3"))
    park(engine, "habit-1", "habit-2", "habit-3")

    run_unpark(engine, GRACE, [])
    listed = capsys.readouterr().out
    run_unpark(engine, GRACE, ["habit-1"])
    after_one = [next_due(engine, f"habit-{number}") for number in (1, 2, 3)]
    run_unpark(engine, GRACE, ["--all"])

    assert listed.count("a bug") == 3
    assert after_one == [instant("2026-05-01T07:00"), None, None]
    assert {next_due(engine, f"habit-{n}") for n in (2, 3)} == {instant("2026-05-01T07:00")}


def test_a_habit_that_cannot_be_unparked_says_so(engine: Engine) -> None:
    linked_account(engine, time_zone="Mars/Olympus")
    deliver(engine, habit_state())

    with pytest.raises(SystemExit, match="still parked"):
        run_unpark(engine, GRACE, ["habit-1"])
    with pytest.raises(SystemExit, match="habit-2 is not parked"):
        run_unpark(engine, GRACE, ["habit-2"])


def test_of_what_states_said_the_newest_is_kept_however_old(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state(), habit_state(version=2, place="Garden"))
    deliver(engine, link_state(version=2, status="blocked"))
    with transaction(engine) as connection:
        for versions in (HABIT_TIMINGS, ACCOUNT_LINKS):
            connection.execute(update(versions).values(heard_at=func.now() - 2 * KEPT))

    assert prune(engine, RETENTIONS) == 2

    with engine.connect() as connection:
        kept = [connection.execute(select(each)).one() for each in (HABIT_TIMINGS, ACCOUNT_LINKS)]
    assert [row.version for row in kept] == [2, 2]


def test_records_are_forgotten_only_when_they_are_old(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state())
    now = func.clock_timestamp()
    with transaction(engine) as connection:
        for day in range(1, 8):
            age = KEPT + timedelta(hours=1 if day <= 5 else -1)
            connection.execute(
                REMINDERS.insert().values(
                    habit_id="habit-1",
                    local_date=date(2026, 5, day),
                    outcome="due",
                    due_at=now,
                    recorded_at=now - age,
                )
            )

    assert prune(engine, RETENTIONS, batch_size=2) == 5

    assert [day.day for _, day, _ in recorded(engine)] == [6, 7]


@pytest.mark.parametrize(
    ("gauge", "expected"), [("scheduler_due_habits", 2), ("scheduler_parked_habits", 1)]
)
def test_the_gauges_count_what_is_due_and_what_is_parked(
    engine: Engine, gauge: str, expected: int
) -> None:
    linked_account(engine)
    linked_account(engine, id="account-2", time_zone="Mars/Olympus")
    for number in range(2):
        deliver(engine, habit_state(id=f"due-{number}"))
    deliver(engine, habit_state(id="parked", owner_id="account-2"))

    measure_schedule(engine)

    assert REGISTRY.get_sample_value(gauge) == expected


def test_announcements_are_counted_with_their_lag(engine: Engine) -> None:
    def counted() -> list[float]:
        samples = [
            REGISTRY.get_sample_value("scheduler_reminders_total", {"outcome": "due"}),
            REGISTRY.get_sample_value("scheduler_due_to_announced_seconds_count"),
        ]
        return [sample or 0.0 for sample in samples]

    linked_account(engine)
    deliver(engine, habit_state(time=time_at(seconds_ago(1)), updated_at=seconds_ago(60)))
    before = counted()

    tick(engine, GRACE)

    assert [after - earlier for after, earlier in zip(counted(), before, strict=True)] == [1, 1]
