"""Reminders that are answered, put off, held or followed up: at most once each, and in time."""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, func, select, update

from services.scheduler.due_tick import tick
from services.scheduler.reminder_commands import carry_out
from services.scheduler.tables import REMINDERS, WAITING_REMINDERS
from services.scheduler.waiting_tick import tick_waiting
from shared.contracts.events import DaySlotV1, HabitDayStateV1
from shared.contracts.reminder_commands import Mute, ReminderCommandV1, Snooze, SnoozeUntil
from shared.database import transaction
from shared.instants import now
from tests.integration.scheduler.story import (
    GRACE,
    deliver,
    linked_account,
    seconds_ago,
    time_at,
    told,
    told_together,
    wait_since,
)
from tests.unit.scheduler.states import account_state, habit_state_v2

ACCOUNT_ID = "8a5b7c1e-2f64-4b0c-8b4e-6d1f0e9a7c22"
HABIT_ID = "3f0c1d52-5d1e-4c3a-9d7e-0c8f2f1b6a11"
MINUTE = timedelta(minutes=1)


def due_habit(engine: Engine, *due: datetime, habit_id: str = HABIT_ID, **changes: Any) -> None:
    """Tell of a habit with those times in UTC, from just before the first."""
    since = due[0] - timedelta(seconds=1)
    deliver(
        engine,
        habit_state_v2(
            id=habit_id,
            owner_id=ACCOUNT_ID,
            times=[time_at(each) for each in due],
            created_at=since,
            updated_at=since,
            timing_since=since,
            **changes,
        ),
    )


def recorded_day(due_at: datetime, **changes: Any) -> HabitDayStateV1:
    usual: dict[str, Any] = {
        "habit_id": HABIT_ID,
        "owner_id": ACCOUNT_ID,
        "date": due_at.date(),
        "status": "done",
        "value": None,
        "target_value": None,
        "unit": None,
        "slots": [],
        "note": None,
        "channel": "api",
        "recorded_at": now(),
        "cleared": False,
        "version": 1,
    }
    return HabitDayStateV1(**(usual | changes))


def outcomes(engine: Engine) -> list[tuple[int, str, str]]:
    """Return slot, mark and outcome of what is recorded."""
    query = select(REMINDERS.c.slot, REMINDERS.c.again, REMINDERS.c.outcome)
    with engine.connect() as connection:
        return sorted((row.slot, row.again, row.outcome) for row in connection.execute(query))


def waiting(engine: Engine) -> dict[str, datetime]:
    """Return when what waits is due, by its mark."""
    query = select(WAITING_REMINDERS.c.again, WAITING_REMINDERS.c.due_at)
    with engine.connect() as connection:
        return {row.again: row.due_at for row in connection.execute(query)}


def make_due(engine: Engine, seconds: float = 0) -> None:
    """Let the time pass until what waits has been due for some seconds."""
    with transaction(engine) as connection:
        past = func.statement_timestamp() - timedelta(seconds=seconds)
        connection.execute(update(WAITING_REMINDERS).values(due_at=past))


def ids(engine: Engine) -> list[str]:
    return [one.body["id"] for one in told(engine)]


def command(
    wish: Snooze | Mute, at: datetime | None = None, command_id: str | None = None
) -> ReminderCommandV1:
    return ReminderCommandV1(
        command_id=command_id or str(uuid4()),
        account_id=UUID(ACCOUNT_ID),
        at=at or now(),
        wish=wish,
    )


def snooze(
    engine: Engine,
    due_at: datetime,
    until: SnoozeUntil = "10m",
    at: datetime | None = None,
    command_id: str | None = None,
) -> None:
    wish = Snooze(habit_id=UUID(HABIT_ID), date=due_at.date(), slot=0, until=until)
    carry_out(engine, command(wish, at, command_id))


@pytest.fixture
def account(engine: Engine) -> Engine:
    linked_account(engine, id=ACCOUNT_ID)
    return engine


@pytest.mark.parametrize(
    ("day", "announced"),
    [
        pytest.param({}, [], id="done"),
        pytest.param({"status": "skipped"}, [], id="skipped"),
        pytest.param({"status": "partial"}, [0, 1], id="a part of its target"),
        pytest.param({"status": None, "cleared": True}, [0, 1], id="cleared"),
    ],
)
def test_what_is_answered_before_it_is_due_is_told_to_nobody(
    account: Engine, day: dict[str, Any], announced: list[int]
) -> None:
    second = seconds_ago(1)
    due_habit(account, second - MINUTE, second)
    deliver(account, recorded_day(second, **day))

    tick(account, GRACE)

    assert [one.slot for one in told(account)] == announced
    assert {outcome for _, _, outcome in outcomes(account)} == {"due" if announced else "answered"}


def test_of_several_times_only_the_one_that_is_done_is_silent(account: Engine) -> None:
    second = seconds_ago(1)
    due_habit(account, second - MINUTE, second)
    slots = [DaySlotV1(time=time_at(second - MINUTE), done=True)]
    slots.append(DaySlotV1(time=time_at(second), done=False))
    deliver(account, recorded_day(second, status="partial", slots=slots))

    tick(account, GRACE)

    assert outcomes(account) == [(0, "", "answered"), (1, "", "due")]
    assert [one.slot for one in told(account)] == [1]


def test_an_older_state_of_a_day_that_comes_late_changes_nothing(account: Engine) -> None:
    due_at = seconds_ago(1)
    due_habit(account, due_at)
    deliver(account, recorded_day(due_at, version=2))
    deliver(account, recorded_day(due_at, version=1, status=None, cleared=True))

    tick(account, GRACE)

    assert told(account) == []


def test_without_an_answer_it_comes_once_more(account: Engine) -> None:
    due_at = seconds_ago(1)
    due_habit(account, due_at, follow_up_minutes=30)
    tick(account, GRACE)
    assert waiting(account) == {"f1": due_at + 30 * MINUTE}
    assert tick_waiting(account, GRACE) == 0

    make_due(account)
    assert (tick_waiting(account, GRACE), tick_waiting(account, GRACE)) == (1, 0)

    first = f"{HABIT_ID}:{due_at.date()}"
    assert ids(account) == [first, f"{first}:f1"]
    assert told(account)[1].body["kind"] == "follow_up"
    assert told_together(account) == [[HABIT_ID], [HABIT_ID]]
    assert waiting(account) == {}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"follow_up_minutes": None}, id="no follow-ups any more"),
        pytest.param({"archived_at": now()}, id="archived"),
        pytest.param({"deleted": True}, id="deleted"),
        pytest.param({"paused_until": now().date() + timedelta(days=3)}, id="paused"),
    ],
)
def test_what_waits_is_dropped_when_nobody_wants_it_any_more(
    account: Engine, change: dict[str, Any]
) -> None:
    due_at = seconds_ago(1)
    due_habit(account, due_at, follow_up_minutes=30)
    tick(account, GRACE)
    due_habit(account, due_at, **({"follow_up_minutes": 30, "version": 2} | change))

    make_due(account)
    assert tick_waiting(account, GRACE) == 1

    assert len(told(account)) == 1
    assert waiting(account) == {}


def test_an_answer_spares_the_follow_up(account: Engine) -> None:
    due_at = seconds_ago(1)
    due_habit(account, due_at, follow_up_minutes=30)
    tick(account, GRACE)
    deliver(account, recorded_day(due_at))

    make_due(account)
    tick_waiting(account, GRACE)

    assert len(told(account)) == 1
    assert (0, "f1", "answered") in outcomes(account)


def test_a_snooze_comes_once_though_its_command_comes_twice(account: Engine) -> None:
    due_at = seconds_ago(1)
    due_habit(account, due_at, follow_up_minutes=30)
    tick(account, GRACE)

    at = now()
    for _ in range(2):
        snooze(account, due_at, at=at, command_id="1000:snooze")
    # Putting it off is an answer, so there is no follow-up.
    assert waiting(account) == {"s1": at + 10 * MINUTE}
    make_due(account)
    tick_waiting(account, GRACE)

    assert ids(account)[1:] == [f"{HABIT_ID}:{due_at.date()}:s1"]
    assert told(account)[1].body["kind"] == "snoozed"
    assert waiting(account) == {}


def test_the_latest_wish_of_a_date_and_time_counts(account: Engine) -> None:
    due_at = seconds_ago(1)
    due_habit(account, due_at)
    tick(account, GRACE)
    at = now()

    snooze(account, due_at, "10m", at=at)
    snooze(account, due_at, "1h", at=at)

    assert waiting(account) == {"s2": at + 60 * MINUTE}


def test_it_can_be_put_off_three_times(account: Engine) -> None:
    due_at = seconds_ago(1)
    due_habit(account, due_at)
    tick(account, GRACE)

    for _ in range(5):
        snooze(account, due_at)
        make_due(account)
        tick_waiting(account, GRACE)

    assert [one.rpartition(":")[2] for one in ids(account)[1:]] == ["s1", "s2", "s3"]


def test_tonight_is_eight_in_the_evening_where_the_account_is(account: Engine) -> None:
    linked_account(account, id=ACCOUNT_ID, version=2, time_zone="Asia/Tokyo")
    due_at = seconds_ago(1)
    due_habit(account, due_at)

    snooze(account, due_at, "tonight", at=datetime.fromisoformat("2026-05-02T03:00Z"))
    assert waiting(account)["s1"] == datetime.fromisoformat("2026-05-02T11:00Z")
    snooze(account, due_at, "tonight", at=datetime.fromisoformat("2026-05-02T12:00Z"))
    assert waiting(account)["s2"] == datetime.fromisoformat("2026-05-02T13:00Z")


@pytest.mark.parametrize("account_id", ["another's", "erased"])
def test_nobody_puts_off_what_is_not_its_own(account: Engine, account_id: str) -> None:
    due_at = seconds_ago(1)
    due_habit(account, due_at)
    other = uuid4()
    if account_id == "erased":
        erased = account_state(id=str(other), version=2, deleted=True, is_active=False)
        deliver(account, erased)
    wish = Snooze(habit_id=UUID(HABIT_ID), date=due_at.date(), slot=0, until="10m")

    carry_out(account, ReminderCommandV1(command_id="1", account_id=other, at=now(), wish=wish))

    assert waiting(account) == {}


def test_a_snooze_that_is_found_too_late_is_not_said(account: Engine) -> None:
    due_at = seconds_ago(1)
    due_habit(account, due_at)
    snooze(account, due_at)

    make_due(account, GRACE.total_seconds() + 60)
    assert tick_waiting(account, GRACE) == 1

    assert told(account) == []


@pytest.mark.parametrize(
    ("until", "announced"),
    [
        pytest.param(now() + timedelta(hours=2), 0, id="for two hours"),
        pytest.param("today", 0, id="for today"),
        pytest.param(None, 1, id="no more"),
    ],
)
def test_what_is_due_while_an_account_is_muted_is_told_to_nobody(
    account: Engine, until: datetime | Literal["today"] | None, announced: int
) -> None:
    due_at = seconds_ago(1)
    due_habit(account, due_at)
    pressed_at = due_at - timedelta(seconds=5)
    carry_out(account, command(Mute(until="today"), at=pressed_at - MINUTE))
    carry_out(account, command(Mute(until=until), at=pressed_at))
    # What had been asked for before comes late.
    carry_out(account, command(Mute(until=None), at=pressed_at - 2 * MINUTE))

    tick(account, GRACE)

    assert outcomes(account) == [(0, "", "due" if announced else "muted")]
    assert len(told(account)) == announced


def quiet_now(engine: Engine, version: int = 2, hours: int = 1) -> datetime:
    """Tell that it is quiet for an hour around now; return the end."""
    begin = now().replace(second=0, microsecond=0) - 10 * MINUTE
    end = begin + timedelta(hours=hours)
    deliver(
        engine,
        account_state(
            id=ACCOUNT_ID, version=version, quiet_from=time_at(begin), quiet_to=time_at(end)
        ),
    )
    return end


def test_in_quiet_hours_reminders_wait_and_come_joined_at_their_end(account: Engine) -> None:
    ends_at = quiet_now(account)
    first, second = seconds_ago(30), seconds_ago(5)
    due_habit(account, first)
    due_habit(account, second, habit_id="another")

    assert tick(account, GRACE) == 2
    assert told(account) == []
    with account.connect() as connection:
        due = set(connection.scalars(select(WAITING_REMINDERS.c.due_at)))
    assert due == {ends_at}

    # The end comes: it is as if it had been quiet until just now.
    deliver(account, account_state(id=ACCOUNT_ID, version=3))
    make_due(account)
    assert tick_waiting(account, GRACE) == 2
    assert tick_waiting(account, GRACE) == 0

    [group] = told_together(account)
    assert sorted(group) == sorted([HABIT_ID, "another"])
    bodies = [one.body for one in told(account)]
    assert {body["local_time"] for body in bodies} == {
        time_at(first).isoformat(), time_at(second).isoformat(),
    }  # fmt: skip
    assert [body["kind"] for body in bodies] == ["first", "first"]


def test_what_waits_comes_at_once_when_quiet_hours_are_taken_away(account: Engine) -> None:
    quiet_now(account)
    due_habit(account, seconds_ago(5))
    tick(account, GRACE)

    deliver(account, account_state(id=ACCOUNT_ID, version=3))
    assert tick_waiting(account, GRACE) == 1

    assert len(told(account)) == 1


def test_what_waits_waits_longer_when_quiet_hours_do(account: Engine) -> None:
    quiet_now(account)
    due_habit(account, seconds_ago(5))
    tick(account, GRACE)

    ends_at = quiet_now(account, version=3, hours=5)
    tick_waiting(account, GRACE)

    assert (waiting(account), told(account)) == ({"": ends_at}, [])


def test_the_grace_begins_when_quiet_hours_end(account: Engine) -> None:
    due_at = seconds_ago(3 * 3600)
    due_habit(account, due_at)
    wait_since(account, due_at, HABIT_ID)
    begin, end = due_at - 10 * MINUTE, now().replace(second=0, microsecond=0) - 5 * MINUTE
    deliver(
        account,
        account_state(id=ACCOUNT_ID, version=2, quiet_from=time_at(begin), quiet_to=time_at(end)),
    )

    tick(account, GRACE)

    [late] = told(account)
    assert late.body["due_at"] == f"{end:%Y-%m-%dT%H:%M:%SZ}"
    assert late.body["not_after"] == f"{end + GRACE:%Y-%m-%dT%H:%M:%SZ}"


def test_an_erased_account_leaves_nothing_that_waits(account: Engine) -> None:
    due_at = seconds_ago(1)
    due_habit(account, due_at, follow_up_minutes=30)
    tick(account, GRACE)
    deliver(account, recorded_day(due_at))
    snooze(account, due_at)

    erased = account_state(id=ACCOUNT_ID, version=2, deleted=True, is_active=False)
    deliver(account, erased)
    deliver(account, recorded_day(due_at, version=2))

    with account.connect() as connection:
        for table in ("waiting_reminders", "heard_days", "handled_commands", "reminders"):
            count = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()  # noqa: S608
            assert count == 0, table
