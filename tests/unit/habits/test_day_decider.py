"""Given a day as it is, when something is answered, then this is recorded: the day's decider."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pytest

from services.habits.days.day import (
    AddValue,
    ClearDay,
    DayCommand,
    DayPlan,
    DayRefused,
    SetStatus,
    SetValue,
    decide,
)
from services.habits.days.day_events import (
    Channel,
    DayCleared,
    DayEvent,
    DayRecord,
    DayRecorded,
    DayState,
    DayStatus,
    EmptyDay,
    RecordedDay,
    Slot,
    day_id,
    evolve,
)

HABIT = UUID(int=1)
ANNA = UUID(int=2)
NOW = datetime(2026, 1, 6, 20, tzinfo=UTC)
TUESDAY = date(2026, 1, 6)
MORNING, EVENING = time(8), time(20)
DONE = SetStatus(DayStatus.DONE)
SKIPPED = SetStatus(DayStatus.SKIPPED)


def plan(target: Decimal | None = None, *times: time) -> DayPlan:
    return DayPlan(
        habit_id=HABIT,
        owner_id=ANNA,
        times=times or (MORNING,),
        target_value=target,
        unit=None if target is None else "glasses",
        first_date=date(2026, 1, 5),
        last_date=date(2026, 1, 7),
    )


def happens(
    state: DayState, command: DayCommand, of: DayPlan | None = None, day: date = TUESDAY
) -> list[DayEvent]:
    return decide(command, state, of or plan(), date=day, channel=Channel.API, now=NOW)


def after(*commands: DayCommand, of: DayPlan | None = None) -> DayState:
    state: DayState = EmptyDay()
    for command in commands:
        for event in happens(state, command, of):
            state = evolve(state, event)
    return state


def record_of(state: DayState) -> DayRecord:
    assert isinstance(state, RecordedDay)
    return state.record


def test_done_is_recorded_whole() -> None:
    assert happens(EmptyDay(), SetStatus(DayStatus.DONE, "easy")) == [
        DayRecorded(
            habit_id=HABIT,
            owner_id=ANNA,
            date=TUESDAY,
            record=DayRecord(
                status=DayStatus.DONE,
                value=None,
                target_value=None,
                unit=None,
                slots=(Slot(MORNING, done=True),),
                note="easy",
            ),
            channel=Channel.API,
            at=NOW,
        )
    ]


@pytest.mark.parametrize(
    "command", [DONE, SKIPPED, SetValue(Decimal(3)), SetStatus(DONE.status, "x")]
)
def test_the_same_again_is_nothing(command: DayCommand) -> None:
    assert happens(after(command), command) == []


def test_the_same_value_written_otherwise_is_the_same() -> None:
    assert happens(after(SetValue(Decimal("2.5"))), SetValue(Decimal("2.500"))) == []


def test_a_note_that_is_left_out_is_removed_and_a_blank_one_is_none() -> None:
    noted = after(SetStatus(DayStatus.DONE, "easy"))
    [removed] = happens(noted, DONE)
    assert isinstance(removed, DayRecorded)
    assert removed.record.note is None
    assert record_of(after(SetStatus(DayStatus.DONE, " \u200b"))).note is None


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("0.001", DayStatus.PARTIAL),
        ("7.999", DayStatus.PARTIAL),
        ("8", DayStatus.DONE),
        ("9", DayStatus.DONE),
    ],
)
def test_less_than_the_target_is_partial(value: str, status: DayStatus) -> None:
    record = record_of(after(SetValue(Decimal(value)), of=plan(Decimal(8))))
    assert (record.status, record.value, record.target_value) == (
        status,
        Decimal(value),
        Decimal(8),
    )
    assert record.slots == (Slot(MORNING, done=status is DayStatus.DONE),)


def test_without_a_target_any_value_is_done() -> None:
    assert record_of(after(SetValue(Decimal(1)))).status is DayStatus.DONE


def test_done_means_the_whole_target_and_skipped_none_of_it() -> None:
    of = plan(Decimal(8), MORNING, EVENING)
    done = record_of(after(DONE, of=of))
    assert (done.value, done.slots) == (
        Decimal(8),
        (Slot(MORNING, done=True), Slot(EVENING, done=True)),
    )
    skipped = record_of(after(DONE, SKIPPED, of=of))
    assert (skipped.value, {slot.done for slot in skipped.slots}) == (None, {False})


def test_amounts_add_up_and_keep_the_note() -> None:
    of = plan(Decimal(2))
    one = AddValue(Decimal(1))
    assert record_of(after(one, of=of)).status is DayStatus.PARTIAL
    two = record_of(after(SetValue(Decimal(1), "tea"), one, of=of))
    assert (two.status, two.value, two.note) == (DayStatus.DONE, Decimal(2), "tea")
    assert record_of(after(DONE, one, of=of)).value == 3
    assert record_of(after(SKIPPED, one, of=of)).value == 1


def test_a_sum_has_its_bound() -> None:
    full = after(SetValue(Decimal(1_000_000)))
    with pytest.raises(DayRefused) as refused:
        happens(full, AddValue(Decimal("0.001")))
    assert refused.value.errors.keys() == {"amount"}


@pytest.mark.parametrize("command", [DONE, SetValue(Decimal(1)), AddValue(Decimal(1))])
@pytest.mark.parametrize("day", [date(2026, 1, 4), date(2026, 1, 8), date.min, date.max])
def test_only_dates_from_the_first_to_the_last_are_answered_for(
    command: DayCommand, day: date
) -> None:
    with pytest.raises(DayRefused) as refused:
        happens(EmptyDay(), command, day=day)
    assert refused.value.errors.keys() == {"date"}


@pytest.mark.parametrize("day", [date(2026, 1, 5), date(2026, 1, 7)])
def test_both_ends_are_answered_for(day: date) -> None:
    assert len(happens(EmptyDay(), DONE, day=day)) == 1


def test_a_cleared_day_is_empty_at_a_new_version_and_can_be_recorded_again() -> None:
    done = after(DONE)
    assert happens(done, ClearDay()) == [DayCleared(channel=Channel.API, at=NOW)]
    assert after(DONE, ClearDay()) == EmptyDay(version=2)
    assert happens(EmptyDay(version=2), ClearDay()) == []
    assert after(DONE, ClearDay(), DONE).version == 3


def test_a_day_is_named_by_habit_and_date() -> None:
    assert day_id(HABIT, TUESDAY) == day_id(UUID(int=1), date(2026, 1, 6))
    others = {day_id(HABIT, date(2026, 1, 5)), day_id(ANNA, TUESDAY)}
    assert day_id(HABIT, TUESDAY) not in others
