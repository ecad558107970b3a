"""Announcing what is due: once, in time, or not at all; on a real database."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, func, select, text, update
from sqlalchemy.exc import DBAPIError

from services.scheduler import due_tick
from services.scheduler.due_claims import seconds_to_next_due
from services.scheduler.due_tick import tick
from services.scheduler.projection import lock_owner
from services.scheduler.reminder_messages import MOST_TOGETHER
from services.scheduler.schedule_entries import ScheduleEntry, write_entries
from services.scheduler.tables import ACCOUNTS, HABITS
from shared.contracts.events import REMINDER_DUE, REMINDER_MISSED, HabitStateV1
from shared.database import transaction
from tests.integration.scheduler.story import (
    GRACE,
    State,
    deliver,
    linked_account,
    next_due,
    on_the_date_after,
    recorded,
    row_of,
    seconds_ago,
    time_at,
    told,
    told_together,
    until_somebody_waits_for_a_lock,
    wait_since,
)
from tests.unit.scheduler.states import account_state, habit_state

ONE_DAY = timedelta(days=1)
HALF_A_SECOND = timedelta(milliseconds=500)


def due_habit(
    engine: Engine, due_at: datetime, habit_id: str = "habit-1", **changes: object
) -> None:
    """Tell of a habit that became due at an instant of the past."""
    created_at = due_at - timedelta(minutes=1)
    state = habit_state(
        id=habit_id, time=time_at(due_at), created_at=created_at, updated_at=created_at, **changes
    )
    deliver(engine, state)


def test_a_due_habit_is_announced_and_moved_on_in_one_go(engine: Engine) -> None:
    due_at = seconds_ago(1)
    linked_account(engine, locale="ru")
    due_habit(engine, due_at)

    assert tick(engine, GRACE) == 1

    [reminder] = told(engine)
    assert reminder.type == REMINDER_DUE
    assert reminder.body == {
        "id": f"habit-1:{due_at.date()}",
        "habit_id": "habit-1",
        "account_id": "account-1",
        "local_date": due_at.date().isoformat(),
        "local_time": time_at(due_at).isoformat(),
        "time_zone": "UTC",
        "due_at": f"{due_at:%Y-%m-%dT%H:%M:%S}Z",
        "not_after": f"{due_at + GRACE:%Y-%m-%dT%H:%M:%S}Z",
        "action": "Drink a glass of water",
        "place": "Kitchen",
        "reward": "A cookie",
        "linked_action": None,
        "locale": "ru",
        "slot": 0,
        "kind": "first",
        "target_value": None,
        "unit": None,
        "version": 1,
    }
    assert recorded(engine) == [("habit-1", due_at.date(), "due")]
    assert next_due(engine) == due_at + ONE_DAY
    assert row_of(engine).last_local_date == due_at.date()


def test_what_is_not_due_yet_waits(engine: Engine) -> None:
    linked_account(engine)
    due_habit(engine, seconds_ago(-30))

    assert tick(engine, GRACE) == 0
    with engine.connect() as connection:
        seconds = seconds_to_next_due(connection)

    assert told(engine) == []
    assert seconds is not None
    assert 20 < seconds <= 30


def test_without_any_habit_there_is_nothing_to_wait_for(engine: Engine) -> None:
    with engine.connect() as connection:
        assert seconds_to_next_due(connection) is None


def test_the_linked_pleasant_habit_is_named_as_it_is_when_the_reminder_is_due(
    engine: Engine,
) -> None:
    linked_account(engine)
    pleasant = habit_state(id="bath", is_pleasant=True, action="Take a bath")
    due_habit(engine, seconds_ago(1), reward=None, linked_habit_id="bath")
    deliver(engine, pleasant, habit_state(id="bath", version=2, is_pleasant=True, action="Swim"))

    tick(engine, GRACE)

    assert [one.body["linked_action"] for one in told(engine)] == ["Swim"]


@pytest.mark.parametrize(
    "linked",
    [
        pytest.param(habit_state(id="bath", deleted=True), id="deleted"),
        pytest.param(habit_state(id="bath", owner_id="somebody else"), id="somebody else's"),
        pytest.param(habit_state(id="another", is_pleasant=True), id="unknown"),
    ],
)
def test_a_linked_habit_that_cannot_be_named_is_left_out(
    engine: Engine, linked: HabitStateV1
) -> None:
    linked_account(engine)
    due_habit(engine, seconds_ago(1), linked_habit_id="bath")
    deliver(engine, linked)

    tick(engine, GRACE)

    assert [one.body["linked_action"] for one in told(engine)] == [None]


def test_three_ticks_in_parallel_announce_every_occurrence_once(engine: Engine) -> None:
    linked_account(engine)
    _many_due_habits(engine, 300)

    def tick_until_done() -> None:
        while tick(engine, GRACE, batch_size=7):
            pass

    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(tick_until_done) for _ in range(3)]:
            done.result()

    announced = [one.habit_id for one in told(engine)]
    assert len(announced) == 300
    assert len(set(announced)) == 300


def test_a_tick_does_not_wait_for_rows_that_another_has_claimed(engine: Engine) -> None:
    for number in range(30):
        linked_account(engine)
        due_habit(engine, seconds_ago(10), f"held-{number}")
    linked_account(engine, id="account-2")
    due_habit(engine, seconds_ago(5), "free", owner_id="account-2")

    with transaction(engine) as other:
        lock_owner(other, "account-1")
        # However much is due of the one that is held, a batch of two finds the other.
        assert tick(engine, GRACE, batch_size=2) == 1
        assert [one.habit_id for one in told(engine)] == ["free"]

    assert tick(engine, GRACE, batch_size=2) == 30


def test_what_an_account_has_at_one_instant_is_told_together(engine: Engine) -> None:
    due_at = seconds_ago(1)
    linked_account(engine)
    linked_account(engine, id="account-2")
    for number in range(3):
        due_habit(engine, due_at, f"habit-{number}")
    due_habit(engine, due_at, "another's", owner_id="account-2")
    due_habit(engine, due_at - timedelta(minutes=1), "earlier")
    due_habit(engine, due_at - 2 * GRACE, "missed")

    assert tick(engine, GRACE, batch_size=1) == 5
    assert tick(engine, GRACE) == 1

    assert sorted(map(sorted, told_together(engine))) == [
        ["another's"],
        ["earlier"],
        ["habit-0", "habit-1", "habit-2"],
    ]
    assert len(told(engine)) == 6


def test_a_crowd_at_one_instant_is_told_in_groups_of_bounded_size(engine: Engine) -> None:
    linked_account(engine)
    _many_due_habits(engine, 2 * MOST_TOGETHER + 1)

    tick(engine, GRACE)

    assert [len(group) for group in told_together(engine)] == [MOST_TOGETHER, MOST_TOGETHER, 1]


def test_an_account_s_instant_is_not_torn_apart_by_the_size_of_a_transaction(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_tick, "MAX_HABITS_PER_TRANSACTION", 5)
    due_at = seconds_ago(1)
    for account in range(3):
        linked_account(engine, id=f"account-{account}")
        for number in range(3):
            due_habit(engine, due_at, f"{account}-{number}", owner_id=f"account-{account}")

    while tick(engine, GRACE):
        pass

    assert [len(group) for group in told_together(engine)] == [3, 3, 3]


def test_a_tick_that_dies_in_the_middle_leaves_everything_for_the_next(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked_account(engine)
    due_habit(engine, seconds_ago(1))

    def lose_the_connection(connection: Connection, _entries: object) -> None:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with monkeypatch.context() as dying:
        dying.setattr(due_tick, "write_entries", lose_the_connection)
        with pytest.raises(DBAPIError):
            tick(engine, GRACE)
    assert (told(engine), recorded(engine)) == ([], [])

    tick(engine, GRACE)

    assert len(told(engine)) == 1


def test_an_occurrence_that_is_computed_twice_is_announced_once(engine: Engine) -> None:
    due_at = seconds_ago(1)
    linked_account(engine)
    due_habit(engine, due_at)
    tick(engine, GRACE)
    wait_since(engine, due_at)

    assert tick(engine, GRACE) == 1

    assert len(told(engine)) == 1
    assert next_due(engine) == due_at + ONE_DAY


def test_after_an_outage_the_newest_is_sent_late_and_the_older_are_missed(engine: Engine) -> None:
    due_at = seconds_ago(600)
    linked_account(engine)
    due_habit(engine, due_at)
    wait_since(engine, due_at - 3 * ONE_DAY)

    tick(engine, GRACE)

    today = due_at.date()
    assert [(one.type, one.local_date) for one in told(engine)] == [
        (REMINDER_MISSED, today - 3 * ONE_DAY),
        (REMINDER_MISSED, today - 2 * ONE_DAY),
        (REMINDER_MISSED, today - ONE_DAY),
        (REMINDER_DUE, today),
    ]
    assert next_due(engine) == due_at + ONE_DAY


def test_beyond_the_grace_it_is_missed(engine: Engine) -> None:
    due_at = seconds_ago(GRACE.total_seconds() + 5)
    linked_account(engine)
    due_habit(engine, due_at)

    tick(engine, GRACE)

    [missed] = told(engine)
    assert missed.type == REMINDER_MISSED
    assert set(missed.body) == {
        "id", "habit_id", "account_id", "local_date", "due_at", "missed_at", "slot",
        "version",
    }  # fmt: skip
    assert recorded(engine) == [("habit-1", due_at.date(), "missed")]


def test_a_year_of_outage_is_recorded_in_full_and_sent_once(engine: Engine) -> None:
    due_at = seconds_ago(60)
    linked_account(engine)
    due_habit(engine, due_at)
    wait_since(engine, due_at - 450 * ONE_DAY)

    while tick(engine, GRACE):
        pass

    outcomes = [outcome for _, _, outcome in recorded(engine)]
    assert outcomes == ["missed"] * 450 + ["due"]
    assert [one.type for one in told(engine)].count(REMINDER_DUE) == 1


def test_one_transaction_takes_a_bounded_number_of_overdue_reminders(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_tick, "MAX_OVERDUE_PER_ACCOUNT", 10)
    due_at = seconds_ago(60)
    linked_account(engine)
    for number in range(4):
        due_habit(engine, due_at, f"habit-{number}")
        wait_since(engine, due_at - 5 * ONE_DAY, f"habit-{number}")

    tick(engine, GRACE)
    after_one = len(told(engine))
    tick(engine, GRACE)

    assert after_one == 12
    assert len(told(engine)) == 24


def test_one_transaction_takes_no_more_accounts_when_it_has_enough(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_tick, "MAX_OVERDUE_PER_TRANSACTION", 2)
    for number in range(2):
        linked_account(engine, id=f"account-{number}")
        for name in "abc":
            due_habit(engine, seconds_ago(60), f"{number}-{name}", owner_id=f"account-{number}")

    tick(engine, GRACE)
    after_one = len(told(engine))
    tick(engine, GRACE)

    assert (after_one, len(told(engine))) == (3, 6)


def test_a_habit_that_cannot_be_settled_is_parked_and_the_others_go_on(engine: Engine) -> None:
    linked_account(engine)
    linked_account(engine, id="account-2")
    due_habit(engine, seconds_ago(10), "poisoned")
    due_habit(engine, seconds_ago(5), "sound", owner_id="account-2")
    with transaction(engine) as connection:
        poison = update(ACCOUNTS).where(ACCOUNTS.c.account_id == "account-1")
        connection.execute(poison.values(time_zone="Mars/Olympus"))

    assert tick(engine, GRACE) == 2
    assert tick(engine, GRACE) == 0

    assert [one.habit_id for one in told(engine)] == ["sound"]
    poisoned = row_of(engine, "poisoned")
    assert poisoned.next_due_at is None
    assert poisoned.parked_reason == "UnknownTimeZone: unknown time zone 'Mars/Olympus'"


def test_a_changed_time_waits_for_the_tick_that_has_claimed_and_sees_what_it_left(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    due_at = seconds_ago(1)
    later = due_at + timedelta(minutes=5)
    changes = habit_state(version=2, time=time_at(later), updated_at=due_at - HALF_A_SECOND)

    _tick_while(engine, due_at, changes, monkeypatch)

    # Announced for today already, so the new time counts from tomorrow.
    assert next_due(engine) == on_the_date_after(due_at, later)


def test_an_owner_s_move_waits_for_the_tick_that_has_claimed_and_sees_what_it_left(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    due_at = seconds_ago(1)
    an_hour_west = account_state(
        version=2, time_zone="Etc/GMT+1", updated_at=due_at - HALF_A_SECOND
    )

    _tick_while(engine, due_at, an_hour_west, monkeypatch)

    assert next_due(engine) == due_at + timedelta(hours=25)


def _tick_while(
    engine: Engine, due_at: datetime, change: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tick with two overdue occurrences, and deliver a change before the tick has committed.

    The change came between the two: one that does not wait sees only the first as used up.
    """
    linked_account(engine)
    due_habit(engine, due_at)
    wait_since(engine, due_at - ONE_DAY)
    with ThreadPoolExecutor(1) as threads:
        changes: list[Future[None]] = []

        def write_while_it_changes(
            connection: Connection, entries: Sequence[ScheduleEntry]
        ) -> None:
            changes.append(threads.submit(deliver, engine, change))
            until_somebody_waits_for_a_lock(engine)
            write_entries(connection, entries)

        monkeypatch.setattr(due_tick, "write_entries", write_while_it_changes)
        tick(engine, GRACE)
        changes[0].result()
    assert [one.type for one in told(engine)] == [REMINDER_MISSED, REMINDER_DUE]


def _many_due_habits(engine: Engine, count: int) -> None:
    due_habit(engine, seconds_ago(30), "habit-0")
    copied = [column.name for column in HABITS.columns if column.name != "habit_id"]
    with transaction(engine) as connection:
        connection.execute(
            HABITS.insert().from_select(
                ["habit_id", *copied],
                select(
                    func.concat("habit-", func.generate_series(1, count - 1)),
                    *(HABITS.c[name] for name in copied),
                ),
            )
        )
