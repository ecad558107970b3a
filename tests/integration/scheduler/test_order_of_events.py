"""However events are shuffled and repeated, the schedule is that of their proper order.

What had been due before a change is announced, too, even when the change comes first.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from shared.contracts.events import AccountStateV1, ChatLinkStateV1, HabitStateV1, HabitStateV2
from shared.instants import now
from shared.recurrence.schedules import EveryNDays, TimesPerWeek, Weekdays
from tests.integration.scheduler.story import (
    State,
    announced_of,
    deliver,
    next_due,
    row_of,
    time_at,
    told,
)
from tests.unit.scheduler.states import account_state, habit_state, habit_state_v2, link_state

# An hour in which reminders become due and everything changes: whole minutes, all of them past.
BEGIN = (now() - timedelta(minutes=55)).replace(second=0, microsecond=0)
ZONES = ["UTC", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati", "Mars/Olympus"]


def at(minutes: float) -> datetime:
    """Return an instant of the hour."""
    return BEGIN + timedelta(minutes=minutes)


def moments() -> st.SearchStrategy[datetime]:
    return st.integers(0, 50 * 60).map(lambda seconds: at(seconds / 60))


def times() -> st.SearchStrategy[time]:
    """Times of the hour, on the clocks of UTC and of Tokyo."""
    hour = st.integers(1, 50).map(lambda minutes: time_at(at(minutes)))
    return hour | hour.map(lambda shown: shown.replace(hour=(shown.hour + 9) % 24))


@st.composite
def histories(draw: st.DrawFn, *, with_breaks: bool) -> list[State]:
    """The states of one habit, one account and one link, each list in the order of its versions.

    With breaks, there are times in which nothing is reminded of.
    """
    mostly = [True, True, True, False] if with_breaks else [True]
    told = draw(st.sampled_from([_first_version, _second_version]))
    habits = draw(st.lists(told(mostly), min_size=1, max_size=4))
    if with_breaks and draw(st.integers(0, 5)) == 0:
        habits.append(replace(habits[-1], deleted=True))
    accounts = draw(
        st.lists(
            st.builds(
                account_state,
                time_zone=st.sampled_from(ZONES if with_breaks else ZONES[:2]),
                is_active=st.sampled_from(mostly),
                locale=st.sampled_from(["en", "ru"]),
            ),
            min_size=1,
            max_size=4,
        )
    )
    statuses = ["linked", "linked", "unlinked", "blocked"] if with_breaks else ["linked"]
    links = draw(
        st.lists(st.builds(link_state, status=st.sampled_from(statuses)), min_size=1, max_size=3)
    )
    return [state for states in (habits, accounts, links) for state in _told(draw, states)]


def _first_version(mostly: Sequence[bool]) -> st.SearchStrategy[Any]:
    return st.builds(
        habit_state,
        created_at=st.just(at(0)),
        time=times(),
        period_days=st.integers(1, 7),
        is_pleasant=st.sampled_from([not one for one in mostly]),
        action=st.sampled_from(["Walk", "Run"]),
    )


def _second_version(mostly: Sequence[bool]) -> st.SearchStrategy[Any]:
    dates = st.integers(-3, 3).map(lambda days: BEGIN.date() + timedelta(days=days))
    schedules = st.one_of(
        st.builds(EveryNDays, n=st.integers(1, 7)),
        st.builds(
            lambda days: Weekdays(tuple(sorted(days))), st.sets(st.integers(1, 7), min_size=1)
        ),
        st.builds(TimesPerWeek, times=st.integers(1, 7)),
    )
    return st.builds(
        habit_state_v2,
        created_at=st.just(at(0)),
        times=st.lists(times(), min_size=1, max_size=4, unique=True).map(sorted),
        schedule=schedules,
        start_date=st.just(BEGIN.date() - timedelta(days=1)) | dates,
        end_date=st.none() | dates,
        paused_until=st.none() | dates,
        archived_at=st.sampled_from([None if one else at(0) for one in mostly]),
        action=st.sampled_from(["Walk", "Run"]),
    )


def _told(draw: st.DrawFn, states: Sequence[Any]) -> list[State]:
    """Number the states and tell since when they hold, as the services that own them do."""
    instants = sorted(draw(st.lists(moments(), min_size=len(states), max_size=len(states))))
    told_states: list[State] = []
    for version, (state, updated_at) in enumerate(zip(states, instants, strict=True), 1):
        before = told_states[-1] if told_states else None
        told_states.append(_since(replace(state, version=version, updated_at=updated_at), before))
    return told_states


def _since(state: Any, before: Any) -> State:
    field, decisive = _OWNED[type(state)]
    stays = before is not None and all(
        getattr(state, name) == getattr(before, name) for name in decisive
    )
    since = getattr(before, field) if stays else state.updated_at
    if field == "linked_since" and state.status != "linked":
        since = None
    dated: State = replace(state, **{field: since})
    return dated


_OWNED = {
    HabitStateV1: ("timing_since", ("time", "period_days", "is_pleasant", "deleted")),
    HabitStateV2: (
        "timing_since",
        (
            "times",
            "schedule",
            "start_date",
            "end_date",
            "paused_until",
            "archived_at",
            "is_pleasant",
            "deleted",
        ),
    ),
    AccountStateV1: ("settings_since", ("time_zone", "is_active")),
    ChatLinkStateV1: ("linked_since", ("status",)),
}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories(with_breaks=False), data=st.data())
def test_shuffled_and_repeated_delivery_gives_the_schedule_of_the_proper_order(
    engine: Engine, history: list[State], data: st.DataObject
) -> None:
    repeated = history + data.draw(st.lists(st.sampled_from(history), max_size=4), "repeated")
    shuffled = data.draw(st.permutations(repeated), "shuffled")

    in_order = _outcome(engine, sorted(history, key=lambda state: state.updated_at))
    in_disorder = _outcome(engine, shuffled)

    # Nothing is lost. What was announced before all had been heard cannot be taken back; without
    # such a reminder, everything is the same.
    assert in_disorder.dates >= in_order.dates
    assert in_disorder.latest == in_order.latest
    if in_disorder.dates == in_order.dates:
        assert in_disorder.row == in_order.row


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories(with_breaks=True), data=st.data())
def test_in_any_order_the_latest_states_decide_what_comes_next(
    engine: Engine, history: list[State], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(history), "shuffled")

    in_order = _outcome(engine, sorted(history, key=lambda state: state.updated_at))
    in_disorder = _outcome(engine, shuffled)

    # What ends reminding swallows what waits, so it may be announced in one order only.
    assert in_disorder.latest == in_order.latest
    if in_disorder.dates == in_order.dates:
        assert in_disorder.row == in_order.row


class _Outcome:
    """What the scheduler has made of the states of one habit and its account."""

    def __init__(self, engine: Engine, habit_id: str) -> None:
        row = row_of(engine, habit_id)._mapping
        self.dates = announced_of(engine, habit_id)
        self.row = {name: row[name] for name in row if name not in {"habit_id", "account_id"}}
        depends_on_announced = {
            "anchor_date",
            "tzdata_version",
            "next_local_date",
            "next_slot",
            "next_due_at",
            "last_local_date",
            "last_slots",
        }
        self.latest = {
            name: self.row[name] for name in self.row if name not in depends_on_announced
        }


def _outcome(engine: Engine, history: Sequence[State]) -> _Outcome:
    account_id, habit_id = f"account-{uuid4()}", f"habit-{uuid4()}"
    deliver(engine, *(_owned(state, account_id, habit_id) for state in history))
    return _Outcome(engine, habit_id)


def _owned(state: State, account_id: str, habit_id: str) -> State:
    match state:
        case HabitStateV1() | HabitStateV2():
            return replace(state, id=habit_id, owner_id=account_id)
        case AccountStateV1():
            return replace(state, id=account_id)
        case ChatLinkStateV1():
            return replace(state, account_id=account_id)


def habit_versions(habit_id: str = "habit-1") -> list[State]:
    """A habit due at minute 20; then another place; then a time that has passed for the day."""
    due = habit_state(
        id=habit_id,
        time=time_at(at(20)),
        created_at=at(0),
        updated_at=at(0),
        timing_since=at(0),
    )
    moved = replace(due, version=2, place="Garden", updated_at=at(10))
    earlier = replace(moved, version=3, time=time_at(at(5)), updated_at=at(21), timing_since=at(21))
    return [due, moved, earlier]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_new_place_that_overtakes_a_new_time_loses_no_reminder(
    engine: Engine, order: tuple[int, ...]
) -> None:
    created = habit_state(time=time_at(at(5)), created_at=at(6), updated_at=at(6))
    due = replace(created, version=2, time=time_at(at(20)), updated_at=at(10))
    moved = replace(due, version=3, place="Garden", updated_at=at(21), timing_since=at(10))
    deliver(engine, account_state(), link_state())

    deliver(engine, *([created, due, moved][index] for index in order))

    assert next_due(engine) == at(20)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_was_due_before_a_new_time_is_announced_though_the_new_time_comes_first(
    engine: Engine, order: tuple[int, ...]
) -> None:
    deliver(engine, account_state(), link_state())

    deliver(engine, *(habit_versions()[index] for index in order))

    assert [one.body["local_time"] for one in told(engine)] == [time_at(at(20)).isoformat()]
    assert next_due(engine) == at(5) + timedelta(days=1)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_what_was_due_before_a_move_is_announced_though_the_habit_comes_after_it(
    engine: Engine, order: tuple[int, ...]
) -> None:
    in_berlin = account_state(time_zone="Etc/GMT-1")
    moved = account_state(version=2, time_zone="Etc/GMT-3", updated_at=at(21))
    created = habit_state(
        time=time_at(at(20) + timedelta(hours=1)), created_at=at(0), updated_at=at(0)
    )
    states: list[State] = [in_berlin, moved, created, link_state()]

    deliver(engine, *(states[index] for index in order))

    assert [one.body["due_at"] for one in told(engine)] == [f"{at(20):%Y-%m-%dT%H:%M:%SZ}"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_was_due_while_no_chat_was_linked_is_never_announced(
    engine: Engine, order: tuple[int, ...]
) -> None:
    links: list[State] = [
        link_state(),
        link_state(version=2, status="blocked", updated_at=at(10)),
        link_state(version=3, updated_at=at(30), linked_since=at(30)),
    ]
    created = habit_state(time=time_at(at(20)), created_at=at(0), updated_at=at(0))
    deliver(engine, account_state(), created)

    deliver(engine, *(links[index] for index in order))

    assert told(engine) == []
    assert next_due(engine) == at(20) + timedelta(days=1)


def test_two_consumers_at_once_lose_nothing(engine: Engine) -> None:
    habit_ids = [f"habit-{number}" for number in range(12)]
    states: list[State] = [account_state(), link_state()]
    states += [state for habit_id in habit_ids for state in habit_versions(habit_id)]
    moved = account_state(version=2, locale="ru", updated_at=at(15), settings_since=at(-60))
    states.append(moved)

    def consume(share: Sequence[State]) -> None:
        deliver(engine, *share)

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(consume, share) for share in (states[::2], states[1::2])]:
            done.result()

    assert sorted(one.habit_id for one in told(engine)) == sorted(habit_ids)
    assert {next_due(engine, habit_id) for habit_id in habit_ids} == {at(5) + timedelta(days=1)}
