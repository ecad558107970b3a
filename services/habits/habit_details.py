"""What a habit says about itself, and the rules that every habit keeps.

Pure: no I/O, no clock. `broken_rules` judges one finished habit, so creating, replacing and
patching cannot be judged differently. What needs knowledge of other habits is in `habit.py`.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date as local_date
from datetime import time as local_time
from decimal import Decimal
from operator import lt
from typing import Any, TypedDict, cast
from uuid import UUID

from services.habits.quantities import LARGEST_QUANTITY
from shared.recurrence.schedules import EveryNDays, Schedule, TimesPerWeek, Weekdays

LONGEST_TEXT_CHARACTERS = 255
SHORTEST_DURATION_SECONDS = 1
LONGEST_DURATION_SECONDS = 120
SHORTEST_PERIOD_DAYS = 1
LONGEST_PERIOD_DAYS = 7
DAYS_OF_A_WEEK = 7
MOST_TIMES_OF_A_DAY = 8
SHORTEST_FOLLOW_UP_MINUTES = 5
LONGEST_FOLLOW_UP_MINUTES = 720

LONGEST_UNIT_CHARACTERS = 32

BLANK = "Must not be blank."
TOO_LONG = f"Must not be longer than {LONGEST_TEXT_CHARACTERS} characters."
WRONG_DURATION = (
    f"Must be between {SHORTEST_DURATION_SECONDS} and {LONGEST_DURATION_SECONDS} seconds."
)
WRONG_PERIOD = (
    f"Must be between {SHORTEST_PERIOD_DAYS} and {LONGEST_PERIOD_DAYS} days:"
    " a habit is done at least once a week."
)
DAILY = EveryNDays(1)

WRONG_WEEKDAYS = "`weekdays` must be days of the week from 1 to 7, ascending, at least one."
WRONG_TIMES_PER_WEEK = f"`times` must be between 1 and {DAYS_OF_A_WEEK} a week."
WRONG_TIMES = f"Must be 1 to {MOST_TIMES_OF_A_DAY} times of the day, ascending and distinct."
WRONG_FOLLOW_UP = (
    f"Must be between {SHORTEST_FOLLOW_UP_MINUTES} and {LONGEST_FOLLOW_UP_MINUTES} minutes."
)
REWARD_AND_LINK = "A habit has a reward or a linked habit, never both."
PLEASANT_WITH_REWARD = "A pleasant habit has no reward."
PLEASANT_WITH_LINK = "A pleasant habit has no linked habit."

WRONG_TARGET = f"Must be more than 0 and not more than {LARGEST_QUANTITY:,}."
TARGET_WITHOUT_UNIT = "A target is so much of something: it needs a unit."
UNIT_TOO_LONG = f"Must not be longer than {LONGEST_UNIT_CHARACTERS} characters."

# Control, format (zero-width) and separator characters: nothing else in a text, nothing to read.
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitDetails:
    """Everything about a habit that its owner decides.

    `start_date`: the first date, None for the date it was created on. `paused_until`: the first
    date that counts again. `follow_up_minutes`: so long after a reminder there is one more.
    """

    action: str
    place: str
    times: tuple[local_time, ...]
    duration_seconds: int
    schedule: Schedule = DAILY
    start_date: local_date | None = None
    end_date: local_date | None = None
    paused_until: local_date | None = None
    follow_up_minutes: int | None = None
    is_pleasant: bool = False
    reward: str | None = None
    linked_habit_id: UUID | None = None
    is_published: bool = False
    target_value: Decimal | None = None
    unit: str | None = None

    @property
    def time(self) -> local_time:
        """The first of the times."""
        return self.times[0]

    @property
    def period_days(self) -> int | None:
        """Every how many days it is due, None where that does not tell it."""
        return self.schedule.n if isinstance(self.schedule, EveryNDays) else None


DETAIL_NAMES = tuple(field.name for field in fields(HabitDetails))


class DetailChanges(TypedDict, total=False):
    """Some of the details: what a PATCH asks for, what the event of a change carries."""

    action: str
    place: str
    times: tuple[local_time, ...]
    duration_seconds: int
    schedule: Schedule
    start_date: local_date | None
    end_date: local_date | None
    paused_until: local_date | None
    follow_up_minutes: int | None
    is_pleasant: bool
    reward: str | None
    linked_habit_id: UUID | None
    is_published: bool
    target_value: Decimal | None
    unit: str | None


def all_details(details: HabitDetails) -> DetailChanges:
    """Every detail as a change: what a PUT asks for."""
    return cast("DetailChanges", {name: getattr(details, name) for name in DETAIL_NAMES})


def differences(old: HabitDetails, new: HabitDetails) -> DetailChanges:
    """Only the details that differ, with their new values."""
    before, after = all_details(old).items(), all_details(new).items()
    return cast(
        "DetailChanges",
        {name: now for (name, then), (_, now) in zip(before, after, strict=True) if then != now},
    )


def is_blank(text: str) -> bool:
    """Whether a reader sees nothing, whichever white or invisible characters it is made of."""
    return all(
        character.isspace() or unicodedata.category(character) in _INVISIBLE_CATEGORIES
        for character in text
    )


def broken_rules(details: HabitDetails) -> dict[str, list[str]]:
    """Every rule the habit breaks, by the name of each field that takes part in it."""
    errors: dict[str, list[str]] = {}
    for field, message in _violations(details):
        errors.setdefault(field, []).append(message)
    return errors


def merge_errors(*found: Mapping[str, list[str]]) -> dict[str, list[str]]:
    merged: dict[str, list[str]] = {}
    for errors in found:
        for field, messages in errors.items():
            merged.setdefault(field, []).extend(messages)
    return merged


def _violations(details: HabitDetails) -> Iterator[tuple[str, str]]:
    for field, text in (("action", details.action), ("place", details.place)):
        if is_blank(text):
            yield field, BLANK
        if len(text) > LONGEST_TEXT_CHARACTERS:
            yield field, TOO_LONG
    if details.reward is not None and len(details.reward) > LONGEST_TEXT_CHARACTERS:
        yield "reward", TOO_LONG
    if not SHORTEST_DURATION_SECONDS <= details.duration_seconds <= LONGEST_DURATION_SECONDS:
        yield "duration_seconds", WRONG_DURATION
    yield from _violations_of_schedule(details)
    yield from _violations_of_company(details)
    yield from _violations_of_target(details)


def _violations_of_schedule(details: HabitDetails) -> Iterator[tuple[str, str]]:
    match details.schedule:
        case EveryNDays(n) if not SHORTEST_PERIOD_DAYS <= n <= LONGEST_PERIOD_DAYS:
            yield "period_days", WRONG_PERIOD
            yield "schedule", WRONG_PERIOD
        case Weekdays(weekdays) if not _is_ascending(weekdays, DAYS_OF_A_WEEK) or not (
            1 <= weekdays[0] <= weekdays[-1] <= DAYS_OF_A_WEEK
        ):
            yield "schedule", WRONG_WEEKDAYS
        case TimesPerWeek(times) if not 1 <= times <= DAYS_OF_A_WEEK:
            yield "schedule", WRONG_TIMES_PER_WEEK
    if not _is_ascending(details.times, MOST_TIMES_OF_A_DAY):
        yield "times", WRONG_TIMES
    follow_up = details.follow_up_minutes
    if follow_up is not None and not (
        SHORTEST_FOLLOW_UP_MINUTES <= follow_up <= LONGEST_FOLLOW_UP_MINUTES
    ):
        yield "follow_up_minutes", WRONG_FOLLOW_UP


def _is_ascending(values: Sequence[Any], most: int) -> bool:
    """Whether there are 1 to `most` values, each more than the one before."""
    return 1 <= len(values) <= most and all(map(lt, values, values[1:]))


def _violations_of_target(details: HabitDetails) -> Iterator[tuple[str, str]]:
    target, unit = details.target_value, details.unit
    if target is not None and not 0 < target <= LARGEST_QUANTITY:
        yield "target_value", WRONG_TARGET
    if target is not None and unit is None:
        yield "target_value", TARGET_WITHOUT_UNIT
        yield "unit", TARGET_WITHOUT_UNIT
    if unit is not None and is_blank(unit):
        yield "unit", BLANK
    if unit is not None and len(unit) > LONGEST_UNIT_CHARACTERS:
        yield "unit", UNIT_TOO_LONG


def _violations_of_company(details: HabitDetails) -> Iterator[tuple[str, str]]:
    """Rules on what may stand together; each names every field that could mend it."""
    has_reward = details.reward is not None
    has_link = details.linked_habit_id is not None
    if has_reward and has_link:
        yield "reward", REWARD_AND_LINK
        yield "linked_habit_id", REWARD_AND_LINK
    if details.is_pleasant and has_reward:
        yield "is_pleasant", PLEASANT_WITH_REWARD
        yield "reward", PLEASANT_WITH_REWARD
    if details.is_pleasant and has_link:
        yield "is_pleasant", PLEASANT_WITH_LINK
        yield "linked_habit_id", PLEASANT_WITH_LINK
