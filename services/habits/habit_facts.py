"""What a change of a habit means: each fact is one thing that its owner decided.

One change can decide several things at once and is still one event: one version, one message, one
line of the history. A fact is known by the fields it is told with, and no field belongs to two.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date as local_date
from datetime import time as local_time
from decimal import Decimal
from typing import TypedDict, assert_never, cast
from uuid import UUID

from services.habits.habit_details import DetailChanges
from shared.recurrence.schedules import Schedule


class WordingChanges(TypedDict, total=False):
    action: str
    place: str


class TimingChanges(TypedDict, total=False):
    times: tuple[local_time, ...]
    schedule: Schedule
    start_date: local_date | None
    end_date: local_date | None
    follow_up_minutes: int | None


class TargetChanges(TypedDict, total=False):
    target_value: Decimal | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class HabitReworded:
    """It is another action, or done at another place."""

    changes: WordingChanges


@dataclass(frozen=True, slots=True)
class HabitRescheduled:
    """It is due at other times or on other dates."""

    changes: TimingChanges


@dataclass(frozen=True, slots=True)
class HabitPaused:
    """It is not due before this date."""

    until: local_date


@dataclass(frozen=True, slots=True)
class PauseEnded:
    pass


@dataclass(frozen=True, slots=True)
class DurationChosen:
    seconds: int


@dataclass(frozen=True, slots=True)
class TargetChosen:
    """So much is to be done on each day, or no certain amount."""

    changes: TargetChanges


@dataclass(frozen=True, slots=True)
class MadePleasant:
    """It rewards other habits from now on and is not reminded of."""


@dataclass(frozen=True, slots=True)
class MadeUseful:
    """It is done for its own sake and reminded of from now on."""


@dataclass(frozen=True, slots=True)
class RewardChosen:
    reward: str


@dataclass(frozen=True, slots=True)
class RewardDropped:
    pass


@dataclass(frozen=True, slots=True)
class HabitLinked:
    """A pleasant habit is its reward."""

    linked_habit_id: UUID


@dataclass(frozen=True, slots=True)
class HabitUnlinked:
    pass


@dataclass(frozen=True, slots=True)
class HabitPublished:
    pass


@dataclass(frozen=True, slots=True)
class HabitUnpublished:
    pass


HabitFact = (
    HabitReworded
    | HabitRescheduled
    | HabitPaused
    | PauseEnded
    | DurationChosen
    | TargetChosen
    | MadePleasant
    | MadeUseful
    | RewardChosen
    | RewardDropped
    | HabitLinked
    | HabitUnlinked
    | HabitPublished
    | HabitUnpublished
)

_WORDING = WordingChanges.__annotations__.keys()
_TIMING = TimingChanges.__annotations__.keys()
_TARGET = TargetChanges.__annotations__.keys()


def facts_of(changes: DetailChanges) -> tuple[HabitFact, ...]:
    """Return what the changed fields mean, always in the same order."""
    return tuple(_facts(changes))


def changes_of(facts: Iterable[HabitFact]) -> DetailChanges:
    """Return the fields the facts change, with their new values: the inverse of `facts_of`."""
    changes: DetailChanges = {}
    for fact in facts:
        changes.update(_changes_of(fact))
    return changes


def moves_timing(fact: HabitFact) -> bool:
    """Whether the fact decides when the habit is reminded of, or whether it is."""
    return isinstance(fact, HabitRescheduled | HabitPaused | PauseEnded | MadePleasant | MadeUseful)


def _facts(changes: DetailChanges) -> Iterator[HabitFact]:
    if wording := {name: value for name, value in changes.items() if name in _WORDING}:
        yield HabitReworded(cast("WordingChanges", wording))
    if timing := {name: value for name, value in changes.items() if name in _TIMING}:
        yield HabitRescheduled(cast("TimingChanges", timing))
    if "paused_until" in changes:
        until = changes["paused_until"]
        yield PauseEnded() if until is None else HabitPaused(until)
    if "duration_seconds" in changes:
        yield DurationChosen(changes["duration_seconds"])
    if target := {name: value for name, value in changes.items() if name in _TARGET}:
        yield TargetChosen(cast("TargetChanges", target))
    if "is_pleasant" in changes:
        yield MadePleasant() if changes["is_pleasant"] else MadeUseful()
    yield from _facts_of_company(changes)
    if "is_published" in changes:
        yield HabitPublished() if changes["is_published"] else HabitUnpublished()


def _facts_of_company(changes: DetailChanges) -> Iterator[HabitFact]:
    if "reward" in changes:
        reward = changes["reward"]
        yield RewardDropped() if reward is None else RewardChosen(reward)
    if "linked_habit_id" in changes:
        linked_id = changes["linked_habit_id"]
        yield HabitUnlinked() if linked_id is None else HabitLinked(linked_id)


def _changes_of(fact: HabitFact) -> DetailChanges:  # noqa: C901, PLR0911 - one line a fact
    match fact:
        case HabitReworded(changes) | HabitRescheduled(changes) | TargetChosen(changes):
            return cast("DetailChanges", changes)
        case HabitPaused(until):
            return {"paused_until": until}
        case PauseEnded():
            return {"paused_until": None}
        case DurationChosen(seconds):
            return {"duration_seconds": seconds}
        case MadePleasant() | MadeUseful():
            return {"is_pleasant": isinstance(fact, MadePleasant)}
        case RewardChosen(reward):
            return {"reward": reward}
        case RewardDropped():
            return {"reward": None}
        case HabitLinked(linked_habit_id):
            return {"linked_habit_id": linked_habit_id}
        case HabitUnlinked():
            return {"linked_habit_id": None}
        case HabitPublished() | HabitUnpublished():
            return {"is_published": isinstance(fact, HabitPublished)}
        case _:
            assert_never(fact)
