"""Given what happened, when something is asked, then this follows: the habit's decider."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from uuid import UUID

import pytest

from services.habits.habit import (
    LINKED_TO_ITSELF,
    NOT_YOUR_PLEASANT_HABIT,
    STILL_LINKED,
    ChangeHabit,
    ClearLink,
    CreateHabit,
    DeleteHabit,
    HabitCommand,
    HabitNotFound,
    HabitRefusal,
    NotTheOwner,
    RulesBroken,
    decide,
)
from services.habits.habit_details import (
    BLANK,
    PLEASANT_WITH_LINK,
    PLEASANT_WITH_REWARD,
    REWARD_AND_LINK,
    TOO_LONG,
    WRONG_DURATION,
    WRONG_PERIOD,
    DetailChanges,
    HabitDetails,
    all_details,
)
from services.habits.habit_events import (
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitEvent,
    LinkCleared,
    evolve_all,
)
from services.habits.written_details import HabitChanges
from shared.recurrence.schedules import EveryNDays

HABIT = UUID("10000000-0000-4000-8000-000000000001")
BATH = UUID("10000000-0000-4000-8000-000000000002")
UNKNOWN = UUID("10000000-0000-4000-8000-000000000003")
ANNA = UUID("20000000-0000-4000-8000-000000000001")
BORIS = UUID("20000000-0000-4000-8000-000000000002")
MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
TUESDAY = datetime(2026, 1, 6, 8, tzinfo=UTC)

WATER = HabitDetails(
    action="Drink a glass of water", place="Kitchen", times=(time(7, 30),), duration_seconds=60
)
PLEASANT = replace(WATER, is_pleasant=True)
REWARDED = replace(WATER, reward="A piece of chocolate")
LINKED = replace(WATER, linked_habit_id=BATH)
PUBLISHED = replace(WATER, is_published=True)


def create(details: HabitDetails = WATER) -> CreateHabit:
    return CreateHabit(
        habit_id=HABIT, by=ANNA, details=details, linkable_ids=frozenset({BATH}), now=MONDAY
    )


def change(
    changes: HabitChanges, *, by: UUID = ANNA, others_link_to_it: bool = False
) -> ChangeHabit:
    return ChangeHabit(
        by=by,
        changes=changes,
        linkable_ids=frozenset({BATH}),
        others_link_to_it=others_link_to_it,
        now=TUESDAY,
    )


def created(details: HabitDetails = WATER) -> HabitCreated:
    return HabitCreated(habit_id=HABIT, owner_id=ANNA, details=details, at=MONDAY)


def changed(changes: DetailChanges) -> HabitChanged:
    return HabitChanged.of(changes, TUESDAY)


DELETE = DeleteHabit(by=ANNA, now=TUESDAY)
DELETED = HabitDeleted(at=TUESDAY)
CLEAR = ClearLink(linked_habit_id=BATH, now=TUESDAY)


@dataclass(frozen=True)
class Story:
    given: list[HabitEvent]
    when: HabitCommand
    then: list[HabitEvent]


STORIES = {
    "a useful habit is created": Story([], create(), [created()]),
    "a pleasant habit is created": Story([], create(PLEASANT), [created(PLEASANT)]),
    "a habit is created with a reward": Story([], create(REWARDED), [created(REWARDED)]),
    "a habit is created with a link to a pleasant one": Story(
        [], create(LINKED), [created(LINKED)]
    ),
    "a reward of white space is no reward": Story(
        [], create(replace(WATER, reward=" \u200b ")), [created()]
    ),
    "a pleasant habit may come with an empty reward": Story(
        [], create(replace(PLEASANT, reward="")), [created(PLEASANT)]
    ),
    "texts keep the white space around them": Story(
        [], create(replace(WATER, action=" Run ")), [created(replace(WATER, action=" Run "))]
    ),
    "the longest of everything is allowed": Story(
        [],
        create(replace(WATER, action="a" * 255, duration_seconds=120, schedule=EveryNDays(7))),
        [created(replace(WATER, action="a" * 255, duration_seconds=120, schedule=EveryNDays(7)))],
    ),
    "the shortest of everything is allowed": Story(
        [],
        create(replace(WATER, action="a", duration_seconds=1, schedule=EveryNDays(1))),
        [created(replace(WATER, action="a", duration_seconds=1, schedule=EveryNDays(1)))],
    ),
    "a change tells only what became different": Story(
        [created()],
        change({"place": "Office", "duration_seconds": 60}),
        [changed({"place": "Office"})],
    ),
    "a change to the same values changes nothing": Story(
        [created()], change(all_details(WATER)), []
    ),
    "a change of nothing changes nothing": Story([created()], change({}), []),
    "an empty reward on a habit without one changes nothing": Story(
        [created()], change({"reward": ""}), []
    ),
    "a change is judged against the last state": Story(
        [created(), changed({"place": "Office"})], change({"place": "Office"}), []
    ),
    "a reward can be exchanged for a link in one change": Story(
        [created(REWARDED)],
        change({"reward": None, "linked_habit_id": BATH}),
        [changed({"reward": None, "linked_habit_id": BATH})],
    ),
    "a habit becomes pleasant by giving up its link": Story(
        [created(LINKED)],
        change({"is_pleasant": True, "linked_habit_id": None}),
        [changed({"is_pleasant": True, "linked_habit_id": None})],
    ),
    "a pleasant habit that nobody links to may become useful": Story(
        [created(PLEASANT)], change({"is_pleasant": False}), [changed({"is_pleasant": False})]
    ),
    "a pleasant habit that others link to may change otherwise": Story(
        [created(PLEASANT)],
        change({"place": "Bathroom"}, others_link_to_it=True),
        [changed({"place": "Bathroom"})],
    ),
    "the owner deletes a habit": Story([created()], DELETE, [DELETED]),
    "the link is cleared when the linked habit goes": Story(
        [created(LINKED)], CLEAR, [LinkCleared(at=TUESDAY)]
    ),
    "a link to another habit stays": Story(
        [created(LINKED)], ClearLink(linked_habit_id=UNKNOWN, now=TUESDAY), []
    ),
    "a cleared link is not cleared again": Story(
        [created(LINKED), LinkCleared(at=TUESDAY)], CLEAR, []
    ),
    "a deleted habit has no link to clear": Story([created(LINKED), DELETED], CLEAR, []),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_what_follows(story: Story) -> None:
    assert decide(story.when, evolve_all(story.given)) == story.then


BROKEN: dict[str, tuple[list[HabitEvent], HabitCommand, dict[str, list[str]]]] = {
    "an action is not blank": ([], create(replace(WATER, action="")), {"action": [BLANK]}),
    "an action of white space is blank": (
        [],
        create(replace(WATER, action="\t\u00a0\u2003")),
        {"action": [BLANK]},
    ),
    "an action of zero-width characters is blank": (
        [],
        create(replace(WATER, action="\u200b\ufeff\u2060")),
        {"action": [BLANK]},
    ),
    "a place is not blank": ([created()], change({"place": "\n"}), {"place": [BLANK]}),
    "an action has at most 255 characters": (
        [],
        create(replace(WATER, action="a" * 256)),
        {"action": [TOO_LONG]},
    ),
    "a reward has at most 255 characters": (
        [created()],
        change({"reward": "a" * 256}),
        {"reward": [TOO_LONG]},
    ),
    "a habit takes at most 120 seconds": (
        [],
        create(replace(WATER, duration_seconds=121)),
        {"duration_seconds": [WRONG_DURATION]},
    ),
    "a habit takes at least a second": (
        [created()],
        change({"duration_seconds": 0}),
        {"duration_seconds": [WRONG_DURATION]},
    ),
    "a habit is done at least every 7 days": (
        [],
        create(replace(WATER, schedule=EveryNDays(8))),
        {"period_days": [WRONG_PERIOD], "schedule": [WRONG_PERIOD]},
    ),
    "a habit is done at most daily": (
        [created()],
        change({"period_days": 0}),
        {"period_days": [WRONG_PERIOD], "schedule": [WRONG_PERIOD]},
    ),
    "a reward and a link are never both created": (
        [],
        create(replace(REWARDED, linked_habit_id=BATH)),
        {"reward": [REWARD_AND_LINK], "linked_habit_id": [REWARD_AND_LINK]},
    ),
    "a link is not added to a reward": (
        [created(REWARDED)],
        change({"linked_habit_id": BATH}),
        {"reward": [REWARD_AND_LINK], "linked_habit_id": [REWARD_AND_LINK]},
    ),
    "a reward is not added to a link": (
        [created(LINKED)],
        change({"reward": "Tea"}),
        {"reward": [REWARD_AND_LINK], "linked_habit_id": [REWARD_AND_LINK]},
    ),
    "a pleasant habit gets no reward": (
        [created(PLEASANT)],
        change({"reward": "Tea"}),
        {"is_pleasant": [PLEASANT_WITH_REWARD], "reward": [PLEASANT_WITH_REWARD]},
    ),
    "a rewarded habit does not become pleasant": (
        [created(REWARDED)],
        change({"is_pleasant": True}),
        {"is_pleasant": [PLEASANT_WITH_REWARD], "reward": [PLEASANT_WITH_REWARD]},
    ),
    "a pleasant habit gets no link": (
        [created(PLEASANT)],
        change({"linked_habit_id": BATH}),
        {"is_pleasant": [PLEASANT_WITH_LINK], "linked_habit_id": [PLEASANT_WITH_LINK]},
    ),
    "only an own pleasant habit can be linked": (
        [],
        create(replace(WATER, linked_habit_id=UNKNOWN)),
        {"linked_habit_id": [NOT_YOUR_PLEASANT_HABIT]},
    ),
    "a changed link needs an own pleasant habit too": (
        [created(LINKED)],
        change({"linked_habit_id": UNKNOWN}),
        {"linked_habit_id": [NOT_YOUR_PLEASANT_HABIT]},
    ),
    "a habit cannot be linked to itself, even while it stops being pleasant": (
        [created(PLEASANT)],
        change({"is_pleasant": False, "linked_habit_id": HABIT}),
        {"linked_habit_id": [LINKED_TO_ITSELF]},
    ),
    "a habit that others link to stays pleasant": (
        [created(PLEASANT)],
        change({"is_pleasant": False}, others_link_to_it=True),
        {"is_pleasant": [STILL_LINKED]},
    ),
    "every broken rule is told at once": (
        [],
        create(replace(WATER, place="", duration_seconds=0, linked_habit_id=UNKNOWN)),
        {
            "place": [BLANK],
            "duration_seconds": [WRONG_DURATION],
            "linked_habit_id": [NOT_YOUR_PLEASANT_HABIT],
        },
    ),
}


@pytest.mark.parametrize(("given", "when", "errors"), BROKEN.values(), ids=BROKEN.keys())
def test_which_rule_is_broken(
    given: list[HabitEvent], when: HabitCommand, errors: dict[str, list[str]]
) -> None:
    with pytest.raises(RulesBroken) as refusal:
        decide(when, evolve_all(given))
    assert refusal.value.errors == errors


REFUSED: dict[str, tuple[list[HabitEvent], HabitCommand, type[HabitRefusal]]] = {
    "a habit that was never created cannot change": ([], change({}), HabitNotFound),
    "a habit that was never created cannot be deleted": ([], DELETE, HabitNotFound),
    "a deleted habit cannot change": ([created(), DELETED], change({}), HabitNotFound),
    "a deleted habit cannot be deleted again": ([created(), DELETED], DELETE, HabitNotFound),
    "somebody else's habit is not there to change": (
        [created()],
        change({"place": "Mine"}, by=BORIS),
        HabitNotFound,
    ),
    "somebody else's habit is not there to delete": (
        [created()],
        DeleteHabit(by=BORIS, now=TUESDAY),
        HabitNotFound,
    ),
    "somebody else's published habit can only be read": (
        [created(PUBLISHED)],
        change({"place": "Mine"}, by=BORIS),
        NotTheOwner,
    ),
    "somebody else's published habit is not deleted": (
        [created(PUBLISHED)],
        DeleteHabit(by=BORIS, now=TUESDAY),
        NotTheOwner,
    ),
    "a published and deleted habit is gone for everybody": (
        [created(PUBLISHED), DELETED],
        change({"place": "Mine"}, by=BORIS),
        HabitNotFound,
    ),
}


@pytest.mark.parametrize(("given", "when", "refusal"), REFUSED.values(), ids=REFUSED.keys())
def test_who_is_refused(
    given: list[HabitEvent], when: HabitCommand, refusal: type[HabitRefusal]
) -> None:
    with pytest.raises(refusal):
        decide(when, evolve_all(given))
