"""However events are shuffled and repeated, the schedule is that of their proper order."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from shared.contracts.events import AccountStateV1, ChatLinkStateV1, HabitStateV1
from tests.integration.scheduler.story import State, deliver, row_of
from tests.unit.scheduler.states import account_state, habit_state, instant, link_state

# All within one second, in which no minute begins: nothing becomes due between two of the events,
# so their order alone could make a difference.
BEGIN = instant("2026-05-01T06:00:00.100")
ZONES = ["UTC", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati", "Mars/Olympus"]


def moments() -> st.SearchStrategy[datetime]:
    return st.integers(0, 800).map(lambda millis: BEGIN + timedelta(milliseconds=millis))


@st.composite
def histories(draw: st.DrawFn) -> list[State]:
    """The states of one habit, one account and one link, each list in the order of its versions."""
    habits = draw(
        st.lists(
            st.builds(
                habit_state,
                created_at=st.just(draw(moments())),
                time=st.sampled_from([time(6, 30), time(7), time(23, 45), time(0)]),
                period_days=st.integers(1, 7),
                is_pleasant=st.sampled_from([False, False, False, True]),
                action=st.sampled_from(["Walk", "Run"]),
            ),
            min_size=1,
            max_size=4,
        )
    )
    if draw(st.integers(0, 5)) == 0:
        habits.append(replace(habits[-1], deleted=True))
    accounts = draw(
        st.lists(
            st.builds(
                account_state,
                time_zone=st.sampled_from(ZONES),
                is_active=st.sampled_from([True, True, True, False]),
                locale=st.sampled_from(["en", "ru"]),
            ),
            min_size=1,
            max_size=4,
        )
    )
    links = draw(
        st.lists(
            st.builds(
                link_state, status=st.sampled_from(["linked", "linked", "unlinked", "blocked"])
            ),
            min_size=1,
            max_size=3,
        )
    )
    return [state for states in (habits, accounts, links) for state in _numbered(draw, states)]


def _numbered(draw: st.DrawFn, states: list[Any]) -> list[State]:
    instants = sorted(draw(st.lists(moments(), min_size=len(states), max_size=len(states))))
    return [
        replace(state, version=version, updated_at=updated_at)
        for version, (state, updated_at) in enumerate(zip(states, instants, strict=True), 1)
    ]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories(), data=st.data())
def test_shuffled_and_repeated_delivery_gives_the_schedule_of_the_proper_order(
    engine: Engine, history: list[State], data: st.DataObject
) -> None:
    repeated = history + data.draw(st.lists(st.sampled_from(history), max_size=4), "repeated")
    shuffled = data.draw(st.permutations(repeated), "shuffled")

    in_order = _schedule_after(engine, sorted(history, key=lambda state: state.updated_at))
    in_disorder = _schedule_after(engine, shuffled)

    assert in_disorder == in_order


def _schedule_after(engine: Engine, history: list[State]) -> dict[str, object]:
    account_id, habit_id = f"account-{uuid4()}", f"habit-{uuid4()}"
    deliver(engine, *(_owned(state, account_id, habit_id) for state in history))
    row = row_of(engine, habit_id)
    since_and_ids = {"habit_id", "account_id", "timing_since"}
    return {name: value for name, value in row._mapping.items() if name not in since_and_ids}


def _owned(state: State, account_id: str, habit_id: str) -> State:
    match state:
        case HabitStateV1():
            return replace(state, id=habit_id, owner_id=account_id)
        case AccountStateV1():
            return replace(state, id=account_id)
        case ChatLinkStateV1():
            return replace(state, account_id=account_id)
