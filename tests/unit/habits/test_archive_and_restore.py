"""Habits that are over for now, and habits that come back."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from services.habits.habit import (
    RESTORABLE_FOR,
    ArchiveHabit,
    HabitCommand,
    HabitNotFound,
    NotTheOwner,
    RestoreHabit,
    UnarchiveHabit,
    decide,
)
from services.habits.habit_details import HabitDetails
from services.habits.habit_events import (
    ActiveHabit,
    HabitArchived,
    HabitDeleted,
    HabitEvent,
    HabitRestored,
    HabitUnarchived,
    LinkCleared,
    UnreadableHistory,
    evolve_all,
)
from services.habits.public_events import public_type, to_message, to_message_1
from tests.unit.habits.test_habit_decider import (
    ANNA,
    BATH,
    BORIS,
    LINKED,
    MONDAY,
    PLEASANT,
    PUBLISHED,
    TUESDAY,
    WATER,
    created,
)

WEDNESDAY = TUESDAY + timedelta(days=1)
ARCHIVED = HabitArchived(at=TUESDAY)
DELETED = HabitDeleted(at=TUESDAY)
ARCHIVE = ArchiveHabit(by=ANNA, now=WEDNESDAY)
UNARCHIVE = UnarchiveHabit(by=ANNA, now=WEDNESDAY)


def restore(*linkable_ids: UUID, by: UUID = ANNA, now: datetime = WEDNESDAY) -> RestoreHabit:
    return RestoreHabit(by=by, linkable_ids=frozenset(linkable_ids), now=now)


def happens(history: list[HabitEvent], command: HabitCommand) -> list[HabitEvent]:
    return decide(command, evolve_all(history))


def test_archiving_and_taking_out_happen_once() -> None:
    assert happens([created()], ARCHIVE) == [HabitArchived(at=WEDNESDAY)]
    assert happens([created(), ARCHIVED], ARCHIVE) == []
    assert happens([created(), ARCHIVED], UNARCHIVE) == [HabitUnarchived(at=WEDNESDAY)]
    assert happens([created()], UNARCHIVE) == []


def test_the_archive_is_part_of_the_state() -> None:
    archived = evolve_all([created(), ARCHIVED])
    assert isinstance(archived, ActiveHabit)
    assert (archived.archived_at, archived.timing_since, archived.version) == (TUESDAY, TUESDAY, 2)
    back = evolve_all([created(), ARCHIVED, HabitUnarchived(at=WEDNESDAY)])
    assert isinstance(back, ActiveHabit)
    assert (back.archived_at, back.timing_since, back.version) == (None, WEDNESDAY, 3)


@pytest.mark.parametrize("command", [ARCHIVE, UNARCHIVE])
def test_only_the_owner_archives(command: ArchiveHabit | UnarchiveHabit) -> None:
    foreign = replace(command, by=BORIS)
    with pytest.raises(HabitNotFound):
        happens([created()], foreign)
    with pytest.raises(NotTheOwner):
        happens([created(PUBLISHED)], foreign)
    with pytest.raises(HabitNotFound):
        happens([created(), DELETED], command)


def test_a_deleted_habit_is_what_it_was() -> None:
    assert happens([created(), DELETED], restore()) == [HabitRestored(at=WEDNESDAY)]
    history: list[HabitEvent] = [
        created(),
        ARCHIVED,
        HabitDeleted(at=TUESDAY),
        HabitRestored(at=WEDNESDAY),
    ]
    state = evolve_all(history)
    assert isinstance(state, ActiveHabit)
    assert (state.details, state.archived_at, state.created_at) == (WATER, TUESDAY, MONDAY)
    assert (state.updated_at, state.timing_since, state.version) == (WEDNESDAY, WEDNESDAY, 4)


def test_restoring_what_is_there_changes_nothing() -> None:
    assert happens([created()], restore()) == []


def test_a_link_to_what_has_gone_is_not_restored() -> None:
    deleted: list[HabitEvent] = [created(LINKED), DELETED]
    assert happens(deleted, restore(BATH)) == [HabitRestored(at=WEDNESDAY)]
    assert happens(deleted, restore()) == [
        HabitRestored(at=WEDNESDAY),
        LinkCleared(at=WEDNESDAY),
    ]


def test_after_thirty_days_it_is_gone() -> None:
    last = TUESDAY + RESTORABLE_FOR
    assert happens([created(), DELETED], restore(now=last)) != []
    with pytest.raises(HabitNotFound):
        happens([created(), DELETED], restore(now=last + timedelta(microseconds=1)))


def test_only_the_owner_restores() -> None:
    histories: list[list[HabitEvent]] = [[created(), DELETED], [created(PUBLISHED), DELETED], []]
    for history in histories:
        with pytest.raises(HabitNotFound):
            happens(history, restore(by=BORIS))


def test_what_was_not_deleted_cannot_have_been_restored() -> None:
    with pytest.raises(UnreadableHistory):
        evolve_all([created(), HabitRestored(at=TUESDAY)])


@pytest.mark.parametrize(("details", "is_told"), [(WATER, True), (PLEASANT, False)])
def test_an_archived_habit_is_told_as_deleted_if_it_would_be_reminded_of(
    details: HabitDetails,
    is_told: bool,  # noqa: FBT001
) -> None:
    state = evolve_all([created(details), ARCHIVED])
    assert isinstance(state, ActiveHabit)
    message = to_message_1(state)
    assert (message.deleted, message.timing_since) == (is_told, TUESDAY)
    kind = "habit.deleted.v1" if is_told else "habit.changed.v1"
    assert public_type(message, is_first=False) == kind
    back = evolve_all([created(details), ARCHIVED, HabitUnarchived(at=WEDNESDAY)])
    assert isinstance(back, ActiveHabit)
    assert not to_message_1(back).deleted


def test_the_second_version_tells_of_an_archive_as_it_is() -> None:
    state = evolve_all([created(), ARCHIVED])
    assert isinstance(state, ActiveHabit)
    message = to_message(state)
    assert (message.deleted, message.archived_at, message.timing_since) == (False, TUESDAY, TUESDAY)
    assert public_type(message, is_first=False) == "habit.changed.v2"
