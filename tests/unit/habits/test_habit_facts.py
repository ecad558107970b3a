"""What a change means is read out of the fields that became different, and leads back to them."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.habits.habit_details import DetailChanges, HabitDetails, all_details, differences
from services.habits.habit_events import ActiveHabit, HabitChanged, HabitCreated, evolve_all
from services.habits.habit_facts import (
    DurationChosen,
    HabitFact,
    HabitLinked,
    HabitPaused,
    HabitPublished,
    HabitRescheduled,
    HabitReworded,
    HabitUnlinked,
    HabitUnpublished,
    MadePleasant,
    MadeUseful,
    PauseEnded,
    RewardChosen,
    RewardDropped,
    TargetChosen,
    changes_of,
    facts_of,
    moves_timing,
)
from shared.recurrence.schedules import EveryNDays

MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
TUESDAY = datetime(2026, 1, 6, 8, tzinfo=UTC)
WATER = HabitDetails(action="Drink", place="Kitchen", times=(time(7, 30),), duration_seconds=60)
SUNDAY = date(2026, 1, 11)
BATH = UUID(int=3)

MEANINGS: list[tuple[DetailChanges, HabitFact]] = [
    ({"action": "Run", "place": "Park"}, HabitReworded({"action": "Run", "place": "Park"})),
    ({"times": (time(8),)}, HabitRescheduled({"times": (time(8),)})),
    ({"schedule": EveryNDays(2)}, HabitRescheduled({"schedule": EveryNDays(2)})),
    ({"start_date": SUNDAY}, HabitRescheduled({"start_date": SUNDAY})),
    ({"end_date": None}, HabitRescheduled({"end_date": None})),
    ({"follow_up_minutes": 30}, HabitRescheduled({"follow_up_minutes": 30})),
    ({"paused_until": SUNDAY}, HabitPaused(SUNDAY)),
    ({"paused_until": None}, PauseEnded()),
    ({"duration_seconds": 90}, DurationChosen(90)),
    ({"target_value": Decimal(8)}, TargetChosen({"target_value": Decimal(8)})),
    ({"unit": None}, TargetChosen({"unit": None})),
    ({"is_pleasant": True}, MadePleasant()),
    ({"is_pleasant": False}, MadeUseful()),
    ({"reward": "Tea"}, RewardChosen("Tea")),
    ({"reward": None}, RewardDropped()),
    ({"linked_habit_id": BATH}, HabitLinked(BATH)),
    ({"linked_habit_id": None}, HabitUnlinked()),
    ({"is_published": True}, HabitPublished()),
    ({"is_published": False}, HabitUnpublished()),
]


@pytest.mark.parametrize(("changes", "fact"), MEANINGS, ids=lambda value: str(value)[:40])
def test_a_change_of_a_field_says_what_was_meant(changes: DetailChanges, fact: HabitFact) -> None:
    assert facts_of(changes) == (fact,)


def test_a_change_of_everything_means_something_for_every_field() -> None:
    every = all_details(replace(WATER, reward="Tea"))
    assert changes_of(facts_of(every)) == every
    assert every.keys() == {field.name for field in fields(HabitDetails)}


@given(st.sets(st.sampled_from([field.name for field in fields(HabitDetails)])))
def test_facts_lead_back_to_the_fields(names: set[str]) -> None:
    every = all_details(WATER)
    changes = cast("DetailChanges", {name: value for name, value in every.items() if name in names})
    assert changes_of(facts_of(changes)) == changes


@pytest.mark.parametrize(("changes", "fact"), MEANINGS, ids=lambda value: str(value)[:40])
def test_only_what_decides_on_reminders_moves_the_timing(
    changes: DetailChanges, fact: HabitFact
) -> None:
    dates = {"start_date", "end_date", "paused_until"}
    timing = {"times", "schedule", "follow_up_minutes", "is_pleasant", *dates}
    decides = not timing.isdisjoint(changes)
    state = evolve_all(
        [
            HabitCreated(habit_id=BATH, owner_id=BATH, details=WATER, at=MONDAY),
            HabitChanged.of(changes, TUESDAY),
        ]
    )
    assert moves_timing(fact) is decides
    assert isinstance(state, ActiveHabit)
    assert state.timing_since == (TUESDAY if decides else MONDAY)


def test_the_same_values_mean_nothing() -> None:
    assert facts_of(differences(WATER, WATER)) == ()
