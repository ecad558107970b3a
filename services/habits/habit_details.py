"""What a habit says about itself, and the rules that every habit keeps.

Pure: no I/O, no clock. `broken_rules` judges one finished habit, so creating, replacing and
patching cannot be judged differently. What needs knowledge of other habits is in `habit.py`.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import time as local_time
from decimal import Decimal
from typing import TypedDict, cast
from uuid import UUID

from services.habits.quantities import LARGEST_QUANTITY

LONGEST_TEXT_CHARACTERS = 255
SHORTEST_DURATION_SECONDS = 1
LONGEST_DURATION_SECONDS = 120
SHORTEST_PERIOD_DAYS = 1
LONGEST_PERIOD_DAYS = 7

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
    """Everything about a habit that its owner decides."""

    action: str
    place: str
    time: local_time
    duration_seconds: int
    period_days: int = 1
    is_pleasant: bool = False
    reward: str | None = None
    linked_habit_id: UUID | None = None
    is_published: bool = False
    target_value: Decimal | None = None
    unit: str | None = None


DETAIL_NAMES = tuple(field.name for field in fields(HabitDetails))


class DetailChanges(TypedDict, total=False):
    """Some of the details: what a PATCH asks for, what the event of a change carries."""

    action: str
    place: str
    time: local_time
    duration_seconds: int
    period_days: int
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
    if not SHORTEST_PERIOD_DAYS <= details.period_days <= LONGEST_PERIOD_DAYS:
        yield "period_days", WRONG_PERIOD
    yield from _violations_of_company(details)
    yield from _violations_of_target(details)


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
