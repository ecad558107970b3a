"""Whatever is asked in whatever order, the habit that results keeps every rule."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.habits.habit import (
    ArchiveHabit,
    ChangeHabit,
    ClearLink,
    CreateHabit,
    DeleteHabit,
    HabitCommand,
    HabitRefusal,
    RestoreHabit,
    UnarchiveHabit,
    decide,
)
from services.habits.habit_details import DetailChanges, HabitDetails, all_details, broken_rules
from services.habits.habit_events import (
    ActiveHabit,
    HabitEvent,
    HabitState,
    NoHabit,
    evolve,
    evolve_all,
)
from services.habits.stored_events import HABITS
from shared.recurrence.schedules import EveryNDays, TimesPerWeek, Weekdays

HABIT = UUID(int=1)
LINKABLE = UUID(int=2)
OWNERS = (UUID(int=11), UUID(int=12))
START = datetime(2026, 1, 5, 8, tzinfo=UTC)

_texts = st.sampled_from(["", " \u200b", "Tea", "a" * 255, "a" * 256]) | st.text(max_size=8)
_times = st.times().map(lambda moment: moment.replace(microsecond=0))
_targets = st.none() | st.decimals(-1, 1_000_001, places=3)
_some_times = st.lists(_times, max_size=9).map(tuple)
_weekdays = st.lists(st.integers(0, 8), max_size=8)
_schedules = st.one_of(
    st.builds(EveryNDays, st.integers(-1, 9)),
    st.builds(Weekdays, _weekdays.map(tuple)),
    st.builds(TimesPerWeek, st.integers(-1, 9)),
)
_sound_schedules = st.one_of(
    st.builds(EveryNDays, st.integers(1, 7)),
    st.builds(
        Weekdays, st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days)))
    ),
    st.builds(TimesPerWeek, st.integers(1, 7)),
)
_dates = st.none() | st.integers(-400, 400).map(lambda days: START.date() + timedelta(days))
_details = st.builds(
    HabitDetails,
    action=_texts,
    place=_texts,
    times=_some_times,
    duration_seconds=st.integers(-1, 122),
    schedule=_schedules,
    start_date=_dates,
    end_date=_dates,
    paused_until=_dates,
    follow_up_minutes=st.none() | st.integers(4, 721),
    is_pleasant=st.booleans(),
    reward=st.none() | _texts,
    linked_habit_id=st.sampled_from([None, HABIT, LINKABLE, UUID(int=3)]),
    is_published=st.booleans(),
    target_value=_targets,
    unit=st.none() | _texts,
)
_visible = st.text(max_size=8).map(lambda text: f"Tea {text}")
# Pleasant, rewarded, linked: at most one of them.
_sound_company = st.one_of(
    st.fixed_dictionaries({"is_pleasant": st.booleans()}),
    st.fixed_dictionaries({"reward": _visible}),
    st.just({"linked_habit_id": LINKABLE}),
)
_sound_details = st.builds(
    lambda company, **rest: HabitDetails(**company, **rest),
    _sound_company,
    action=_visible,
    place=_visible,
    times=_some_times.map(lambda times: tuple(sorted(set(times)))[:8] or (time(7),)),
    duration_seconds=st.integers(1, 120),
    schedule=_sound_schedules,
    start_date=_dates,
    paused_until=_dates,
    follow_up_minutes=st.none() | st.integers(5, 720),
    is_published=st.booleans(),
    target_value=st.none() | st.decimals(1, 1_000_000, places=3),
    unit=st.just("glasses"),
)

# Generation is slow on a busy machine, which says nothing about habits.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def _changes(draw: st.DrawFn) -> DetailChanges:
    every = all_details(draw(_details))
    names = draw(st.sets(st.sampled_from(sorted(every))))
    return {name: value for name, value in every.items() if name in names}  # type: ignore[return-value]


_owners = st.sampled_from(OWNERS)
_commands = st.one_of(
    st.builds(
        ChangeHabit,
        by=_owners,
        changes=_changes(),
        linkable_ids=st.just(frozenset({LINKABLE})),
        others_link_to_it=st.booleans(),
        now=st.just(START + timedelta(days=1)),
    ),
    st.builds(ClearLink, linked_habit_id=st.just(LINKABLE), now=st.just(START)),
    st.builds(DeleteHabit, by=_owners, now=st.just(START)),
    st.builds(ArchiveHabit, by=_owners, now=st.just(START)),
    st.builds(UnarchiveHabit, by=_owners, now=st.just(START)),
    st.builds(
        RestoreHabit,
        by=_owners,
        linkable_ids=st.sampled_from([frozenset(), frozenset({LINKABLE})]),
        now=st.just(START),
    ),
)


def _history(details: HabitDetails, commands: list[HabitCommand]) -> list[HabitEvent]:
    """Run the commands, passing over those that are refused."""
    create = CreateHabit(
        habit_id=HABIT,
        by=OWNERS[0],
        details=details,
        linkable_ids=frozenset({LINKABLE}),
        now=START,
    )
    events: list[HabitEvent] = []
    state: HabitState = NoHabit()
    for command in [create, *commands]:
        try:
            new = decide(command, state)
        except HabitRefusal:
            continue
        for event in new:
            state = evolve(state, event)
            events.append(event)
    return events


@patient
@given(_details, st.lists(_commands, max_size=8))
def test_no_sequence_of_commands_leads_to_a_habit_that_breaks_a_rule(
    details: HabitDetails, commands: list[HabitCommand]
) -> None:
    state = evolve_all(_history(details, commands))
    if isinstance(state, ActiveHabit):
        assert broken_rules(state.details) == {}
        assert state.details.linked_habit_id in (None, LINKABLE)
        assert state.owner_id == OWNERS[0]


@patient
@given(_sound_details, st.lists(_commands, max_size=8))
def test_the_version_is_the_number_of_events(
    details: HabitDetails, commands: list[HabitCommand]
) -> None:
    events = _history(details, commands)
    assert evolve_all(events).version == len(events) >= 1


@patient
@given(_sound_details, st.lists(_commands, max_size=8))
def test_a_history_read_from_storage_is_the_history_that_was_stored(
    details: HabitDetails, commands: list[HabitCommand]
) -> None:
    events = _history(details, commands)
    assert [_stored_and_read(event) for event in events] == events


def _stored_and_read(event: HabitEvent) -> HabitEvent:
    form = HABITS.write(event)
    return HABITS.read(form.type, form.schema_version, form.data)


@patient
@given(_sound_details, _changes())
def test_repeating_a_change_changes_nothing(details: HabitDetails, changes: DetailChanges) -> None:
    change = ChangeHabit(
        by=OWNERS[0],
        changes=changes,
        linkable_ids=frozenset({LINKABLE}),
        others_link_to_it=False,
        now=START,
    )
    events = _history(details, [change])
    try:
        again = decide(change, evolve_all(events))
    except HabitRefusal:
        assert len(events) == 1
    else:
        assert again == []
