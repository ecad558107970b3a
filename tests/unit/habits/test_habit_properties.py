"""Whatever is asked in whatever order, the habit that results keeps every rule."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.habits.habit import (
    ChangeHabit,
    ClearLink,
    CreateHabit,
    DeleteHabit,
    HabitCommand,
    HabitRefusal,
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
from services.habits.stored_events import from_data, stored_type, to_data

HABIT = UUID(int=1)
LINKABLE = UUID(int=2)
OWNERS = (UUID(int=11), UUID(int=12))
START = datetime(2026, 1, 5, 8, tzinfo=UTC)

_texts = st.text(max_size=260)
_details = st.builds(
    HabitDetails,
    action=_texts,
    place=_texts,
    time=st.times().map(lambda moment: moment.replace(microsecond=0)),
    duration_seconds=st.integers(-1, 122),
    period_days=st.integers(-1, 9),
    is_pleasant=st.booleans(),
    reward=st.none() | _texts,
    linked_habit_id=st.sampled_from([None, HABIT, LINKABLE, UUID(int=3)]),
    is_published=st.booleans(),
)
_sound_details = _details.filter(
    lambda details: not broken_rules(details) and details.linked_habit_id in (None, LINKABLE)
)


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


@given(_details, st.lists(_commands, max_size=8))
def test_no_sequence_of_commands_leads_to_a_habit_that_breaks_a_rule(
    details: HabitDetails, commands: list[HabitCommand]
) -> None:
    state = evolve_all(_history(details, commands))
    if isinstance(state, ActiveHabit):
        assert broken_rules(state.details) == {}
        assert state.details.linked_habit_id in (None, LINKABLE)
        assert state.owner_id == OWNERS[0]


@given(_sound_details, st.lists(_commands, max_size=8))
def test_the_version_is_the_number_of_events(
    details: HabitDetails, commands: list[HabitCommand]
) -> None:
    events = _history(details, commands)
    assert evolve_all(events).version == len(events) >= 1


@given(_sound_details, st.lists(_commands, max_size=8))
def test_a_history_read_from_storage_is_the_history_that_was_stored(
    details: HabitDetails, commands: list[HabitCommand]
) -> None:
    events = _history(details, commands)
    assert [from_data(stored_type(event), to_data(event)) for event in events] == events


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
