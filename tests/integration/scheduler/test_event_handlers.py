"""What each event does to the schedule, on a real database."""

from dataclasses import replace
from datetime import date, time, timedelta
from itertools import permutations

import pytest
from sqlalchemy import Engine, select

from services.scheduler.due_tick import tick
from services.scheduler.event_handlers import handle
from services.scheduler.tables import ACCOUNT_TIME_ZONES, ACCOUNTS
from shared.contracts.cloud_event import CloudEvent, UnreadableMessage
from shared.contracts.events import REMINDER_DUE, REMINDER_MISSED
from shared.instants import now
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
)
from tests.unit.scheduler.states import (
    LONG_AGO,
    account_state,
    habit_state,
    instant,
    link_state,
)

FIRST_STATES: list[State] = [habit_state(), account_state(), link_state()]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_habit_account_and_link_are_scheduled_together_in_any_order(
    engine: Engine, order: tuple[int, ...]
) -> None:
    deliver(engine, *(FIRST_STATES[index] for index in order))

    assert next_due(engine) == instant("2026-05-01T07:00")


@pytest.mark.parametrize("missing", range(3))
def test_as_long_as_one_of_them_is_missing_nothing_is_scheduled(
    engine: Engine, missing: int
) -> None:
    deliver(engine, *(state for index, state in enumerate(FIRST_STATES) if index != missing))

    row = row_of(engine)
    assert row is None or row.next_due_at is None


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(habit_state(version=2, deleted=True), id="the habit is deleted"),
        pytest.param(habit_state(version=2, is_pleasant=True), id="the habit becomes pleasant"),
        pytest.param(account_state(version=2, is_active=False), id="the account is disabled"),
        pytest.param(
            link_state(version=2, status="unlinked", chat_id=None), id="the chat is unlinked"
        ),
        pytest.param(link_state(version=2, status="blocked"), id="the bot is blocked"),
    ],
)
def test_reminders_end_at_once_even_what_is_due_already(engine: Engine, end: State) -> None:
    due_at = seconds_ago(1)
    linked_account(engine)
    created = habit_state(time=time_at(due_at), updated_at=due_at - timedelta(minutes=1))
    deliver(engine, created)

    deliver(engine, end)

    assert next_due(engine) is None
    assert tick(engine, GRACE) == 0
    assert told(engine) == []


def test_an_event_that_comes_again_changes_nothing(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state())
    before = row_of(engine)

    linked_account(engine)
    deliver(engine, habit_state())

    assert row_of(engine) == before


def test_an_older_state_of_a_habit_is_refused(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state(version=3, action="New"))

    deliver(engine, habit_state(version=2, action="Old", time=time(9)))

    row = row_of(engine)
    assert (row.version, row.action, row.local_time) == (3, "New", time(7))


def test_an_older_state_of_an_account_is_refused(engine: Engine) -> None:
    linked_account(engine, version=3, time_zone="Asia/Tokyo")
    deliver(engine, habit_state())

    deliver(engine, account_state(version=2, is_active=False))

    assert next_due(engine) == instant("2026-05-01T22:00")


def test_an_older_state_of_a_link_is_refused(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state(), link_state(version=3))

    deliver(engine, link_state(version=2, status="unlinked"))

    assert next_due(engine) == instant("2026-05-01T07:00")


def test_a_deleted_habit_stays_deleted_and_keeps_no_text(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state(), habit_state(version=3, deleted=True))

    deliver(engine, habit_state(version=2))

    row = row_of(engine)
    assert (row.deleted, row.version, row.next_due_at) == (True, 3, None)
    assert (row.action, row.place, row.reward) == ("", "", None)


def test_a_new_time_takes_effect_at_once(engine: Engine) -> None:
    linked_account(engine)
    created = habit_state()

    deliver(engine, created, habit_state(version=2, time=time(6, 30)))

    assert next_due(engine) == instant("2026-05-01T06:30")


def test_a_new_time_zone_takes_effect_at_once(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state())

    moved_at = instant("2026-05-01T06:10")
    deliver(engine, account_state(version=2, time_zone="Europe/London", updated_at=moved_at))

    assert next_due(engine) == instant("2026-05-02T06:00")


def test_another_language_moves_nothing(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state())
    before = row_of(engine)

    another = account_state(version=2, locale="ru", updated_at=now(), settings_since=LONG_AGO)
    deliver(engine, another)

    assert row_of(engine) == before


def test_after_linking_again_it_goes_on_from_the_new_link(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state(), link_state(version=2, status="blocked"))

    linked_again = link_state(version=3, updated_at=instant("2026-06-10T08:00"))
    deliver(engine, linked_again)

    assert next_due(engine) == instant("2026-06-11T07:00")


def test_a_link_that_moves_to_another_chat_moves_nothing(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state())

    moved_at = instant("2026-05-01T08:00")
    deliver(
        engine,
        link_state(version=2, chat_id="2002", updated_at=moved_at, linked_since=LONG_AGO),
    )

    assert next_due(engine) == instant("2026-05-01T07:00")


def test_a_habit_created_just_before_its_minute_is_reminded_of_though_its_event_comes_after(
    engine: Engine,
) -> None:
    due_at = seconds_ago(1)
    just_before = due_at - timedelta(milliseconds=100)
    linked_account(engine)

    deliver(
        engine, habit_state(time=time_at(due_at), created_at=just_before, updated_at=just_before)
    )
    tick(engine, GRACE)

    assert [one.type for one in told(engine)] == [REMINDER_DUE]


def test_a_change_of_the_place_loses_no_reminder_that_is_due(engine: Engine) -> None:
    due_at = seconds_ago(1)
    created = habit_state(time=time_at(due_at), updated_at=due_at - timedelta(minutes=1))
    linked_account(engine)
    deliver(engine, created)

    changed = replace(created, version=2, place="Garden", updated_at=now())
    deliver(engine, replace(changed, timing_since=created.updated_at))
    tick(engine, GRACE)

    assert [(one.type, one.body["place"]) for one in told(engine)] == [(REMINDER_DUE, "Garden")]


def test_what_was_due_before_its_time_was_changed_is_announced_as_it_was(engine: Engine) -> None:
    due_at = seconds_ago(1)
    linked_account(engine)
    deliver(engine, habit_state(time=time_at(due_at), updated_at=due_at - timedelta(minutes=1)))

    later = due_at + timedelta(minutes=5)
    changed = habit_state(version=2, time=time_at(later), place="Garden", updated_at=now())
    deliver(engine, changed)

    assert [(one.type, one.body["place"]) for one in told(engine)] == [(REMINDER_DUE, "Kitchen")]
    assert told_together(engine) == [["habit-1"]]
    # The date is used up: the new time counts from the next one.
    assert next_due(engine) == on_the_date_after(due_at, later)


def test_what_was_due_after_the_change_is_not_announced(engine: Engine) -> None:
    due_at = seconds_ago(1)
    linked_account(engine)
    deliver(engine, habit_state(time=time_at(due_at), updated_at=due_at - timedelta(minutes=1)))

    later = due_at + timedelta(minutes=5)
    changed_at = due_at - timedelta(milliseconds=100)
    deliver(engine, habit_state(version=2, time=time_at(later), updated_at=changed_at))

    assert told(engine) == []
    assert next_due(engine) == later


def test_what_was_due_long_before_the_change_is_missed(engine: Engine) -> None:
    due_at = seconds_ago(2 * 3600)
    linked_account(engine)
    deliver(engine, habit_state(time=time_at(due_at), updated_at=due_at - timedelta(minutes=1)))

    deliver(engine, habit_state(version=2, time=time(0), period_days=7, updated_at=now()))

    assert [one.type for one in told(engine)] == [REMINDER_MISSED]


def test_moving_west_does_not_bring_the_same_local_date_twice(engine: Engine) -> None:
    linked_account(engine, time_zone="Asia/Tokyo")
    deliver(engine, habit_state())
    # Due at 22:00 UTC of 1 May, which is 2 May in Tokyo; then the owner flies to Los Angeles.
    moved_at = instant("2026-05-01T22:30")

    deliver(engine, account_state(version=2, time_zone="America/Los_Angeles", updated_at=moved_at))

    assert recorded(engine) == [("habit-1", date(2026, 5, 2), "missed")]
    assert next_due(engine) == instant("2026-05-03T14:00")


def test_the_day_of_creation_is_a_date_of_the_zone_of_then_whatever_comes_first(
    engine: Engine,
) -> None:
    # Created in Tokyo on 2 May; in UTC it was still 1 May.
    created = habit_state(created_at=instant("2026-05-01T20:00"), period_days=2)
    in_tokyo = account_state(time_zone="Asia/Tokyo")
    in_utc = account_state(version=2, updated_at=instant("2026-05-01T21:00"))

    deliver(engine, in_utc, created, link_state(), in_tokyo)

    assert row_of(engine).anchor_date == date(2026, 5, 2)


def test_a_zone_nobody_knows_parks_the_habits_until_a_known_one_comes(engine: Engine) -> None:
    linked_account(engine, time_zone="Mars/Olympus")
    deliver(engine, habit_state())
    assert row_of(engine).parked_reason == "unknown time zone 'Mars/Olympus'"

    deliver(engine, account_state(version=2, time_zone="UTC"))

    row = row_of(engine)
    assert (row.parked_reason, row.next_due_at) == (None, instant("2026-05-01T07:00"))


def test_a_deleted_account_leaves_nothing_but_its_tombstone(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state(time=time_at(seconds_ago(1)), updated_at=seconds_ago(60)))
    tick(engine, GRACE)

    deliver(engine, account_state(version=2, deleted=True, is_active=False))

    assert row_of(engine) is None
    assert recorded(engine) == []
    with engine.connect() as connection:
        assert connection.execute(select(ACCOUNT_TIME_ZONES)).all() == []
        account = connection.execute(select(ACCOUNTS)).one()
    assert (account.deleted, account.version, account.time_zone) == (True, 2, None)


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(habit_state(version=9), id="a habit"),
        pytest.param(account_state(version=1), id="the account"),
        pytest.param(account_state(version=9), id="the account, of a later version"),
        pytest.param(link_state(version=9), id="the link"),
    ],
)
def test_a_deleted_account_does_not_come_back(engine: Engine, late: State) -> None:
    deliver(engine, account_state(version=2, deleted=True, is_active=False))

    deliver(engine, late)

    assert row_of(engine) is None
    with engine.connect() as connection:
        account = connection.execute(select(ACCOUNTS)).one()
    assert (account.deleted, account.is_active, account.is_linked) == (True, False, False)


def test_one_account_s_events_do_not_touch_another_s_habits(engine: Engine) -> None:
    linked_account(engine)
    deliver(engine, habit_state())
    linked_account(engine, id="account-2")
    deliver(engine, habit_state(id="habit-2", owner_id="account-2"))

    deliver(engine, account_state(id="account-2", version=2, is_active=False))

    assert next_due(engine, "habit-1") == instant("2026-05-01T07:00")
    assert next_due(engine, "habit-2") is None


def test_an_event_nobody_handles_is_unreadable(engine: Engine) -> None:
    event = CloudEvent(
        id="event",
        type="reminder.sent.v1",
        source="/tests",
        subject="subject",
        time=now(),
        body=habit_state(),
    )

    with pytest.raises(UnreadableMessage):
        handle(engine, event, GRACE)


def test_nothing_of_a_failed_event_stays(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("in the middle")

    linked_account(engine)
    monkeypatch.setattr("services.scheduler.rescheduling.write_entries", fail)

    with pytest.raises(RuntimeError):
        deliver(engine, habit_state())

    assert row_of(engine) is None
