"""The event store on PostgreSQL: versions without holes, one winner each, nothing rewritten."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, time
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from services.habits.event_store import ConcurrentChange, EventStore, StoredForm, StreamKind
from services.habits.habit_details import HabitDetails
from services.habits.habit_events import (
    ActiveHabit,
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitEvent,
    NoHabit,
)
from services.habits.stored_events import HABITS
from services.habits.tables import events, streams
from services.habits.upcasting import UnknownSchemaVersion, Upcasting
from shared.database import transaction

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
OWNER = UUID(int=7)
DETAILS = HabitDetails(action="Read", place="Sofa", times=(time(21),), duration_seconds=90)
STORE = EventStore(HABITS)


def created(stream_id: UUID) -> HabitCreated:
    return HabitCreated(habit_id=stream_id, owner_id=OWNER, details=DETAILS, at=NOW)


def moved_to(place: str) -> HabitChanged:
    return HabitChanged.of({"place": place}, NOW)


def append(
    connection: Connection, stream_id: UUID, expected_version: int, *new_events: HabitEvent
) -> None:
    STORE.append(
        connection,
        stream_id,
        new_events,
        owner_id=OWNER,
        expected_version=expected_version,
        meta={"actor": "test"},
    )


@pytest.fixture
def stream_id(engine: Engine) -> UUID:
    """A stream with one event."""
    stream_id = uuid4()
    with transaction(engine) as connection:
        append(connection, stream_id, 0, created(stream_id))
    return stream_id


def versions(engine: Engine, stream_id: UUID) -> list[int]:
    with engine.connect() as connection:
        rows = connection.execute(
            select(events.c.version)
            .where(events.c.stream_id == stream_id)
            .order_by(events.c.position)
        )
        return list(rows.scalars())


def test_what_was_appended_is_loaded(engine: Engine, stream_id: UUID) -> None:
    with transaction(engine) as connection:
        append(connection, stream_id, 1, moved_to("Bed"), moved_to("Park"))
    with engine.connect() as connection:
        state = STORE.load(connection, stream_id)
    assert isinstance(state, ActiveHabit)
    assert (state.version, state.details.place) == (3, "Park")


def test_an_unknown_stream_is_no_habit(engine: Engine) -> None:
    with engine.connect() as connection:
        assert STORE.load(connection, uuid4()) == NoHabit()


def test_nothing_is_stored_before_the_caller_commits(engine: Engine) -> None:
    stream_id = uuid4()
    with engine.connect() as connection:
        append(connection, stream_id, 0, created(stream_id))
        connection.rollback()
    assert versions(engine, stream_id) == []


def test_a_row_says_what_when_and_by_whom(engine: Engine, stream_id: UUID) -> None:
    with engine.connect() as connection:
        row = connection.execute(select(events).where(events.c.stream_id == stream_id)).one()
    assert (row.type, row.schema_version, row.version) == ("habit.created", 1, 1)
    assert row.data["details"]["action"] == "Read"
    assert row.meta == {"actor": "test"}
    assert row.recorded_at > NOW


@pytest.mark.parametrize("expected_version", [0, 2, 7])
def test_appending_to_another_version_is_refused(
    engine: Engine, stream_id: UUID, expected_version: int
) -> None:
    with pytest.raises(ConcurrentChange), transaction(engine) as connection:
        append(connection, stream_id, expected_version, moved_to("Bed"))
    assert versions(engine, stream_id) == [1]


def test_many_streams_move_on_together_or_none_does(engine: Engine, stream_id: UUID) -> None:
    new_id, other_id = uuid4(), uuid4()
    event = moved_to("Bed")
    with transaction(engine) as connection:
        STORE.append_each(
            connection,
            {new_id: (0, created(new_id)), stream_id: (1, event)},
            owner_id=OWNER,
            meta={},
        )
    assert (versions(engine, new_id), versions(engine, stream_id)) == ([1], [1, 2])
    for expected in (0, 1, 3):
        stale: dict[UUID, tuple[int, HabitEvent]] = {
            other_id: (0, created(other_id)),
            stream_id: (expected, event),
        }
        with pytest.raises(ConcurrentChange), transaction(engine) as connection:
            STORE.append_each(connection, stale, owner_id=OWNER, meta={})
    assert (versions(engine, other_id), versions(engine, stream_id)) == ([], [1, 2])


def test_a_new_stream_starts_at_nothing(engine: Engine) -> None:
    with pytest.raises(ConcurrentChange), transaction(engine) as connection:
        append(connection, uuid4(), 3, moved_to("Bed"))


def test_of_eight_writers_one_wins_each_version_and_no_version_is_left_out(
    engine: Engine, stream_id: UUID
) -> None:
    rounds, writers = 10, 8
    barrier = Barrier(writers, timeout=10)

    def write(writer: int) -> int:
        won = 0
        for version in range(1, rounds + 1):
            barrier.wait()
            try:
                with transaction(engine) as connection:
                    append(connection, stream_id, version, moved_to(f"Room {writer}"))
            except ConcurrentChange:
                continue
            won += 1
        return won

    with ThreadPoolExecutor(writers) as pool:
        won = sum(pool.map(write, range(writers)))
    assert won == rounds
    assert versions(engine, stream_id) == list(range(1, rounds + 2))


def test_eight_writers_of_a_new_stream_make_one(engine: Engine) -> None:
    stream_id = uuid4()
    barrier = Barrier(8, timeout=10)

    def write(_writer: int) -> bool:
        barrier.wait()
        try:
            with transaction(engine) as connection:
                append(connection, stream_id, 0, created(stream_id))
        except ConcurrentChange:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(8))) == 1
    assert versions(engine, stream_id) == [1]


def test_events_cannot_be_changed(engine: Engine, stream_id: UUID) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction(engine) as connection:
        connection.execute(update(events).values(type="habit.forged"))


def test_events_cannot_be_changed_by_an_erasure_either(engine: Engine, stream_id: UUID) -> None:
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL habits.erasure = 'on'"))
        with pytest.raises(IntegrityError, match="append-only"):
            connection.execute(update(events).values(type="habit.forged"))


@pytest.mark.parametrize("statement", ["DELETE FROM events", "TRUNCATE events"])
def test_events_cannot_be_deleted(engine: Engine, stream_id: UUID, statement: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction(engine) as connection:
        connection.execute(text(statement))
    assert versions(engine, stream_id) == [1]


def test_an_erasure_can_delete_but_only_in_its_own_transaction(
    engine: Engine, stream_id: UUID
) -> None:
    with engine.connect() as connection:
        with connection.begin():
            connection.execute(text("SET LOCAL habits.erasure = 'on'"))
            connection.execute(delete(events).where(events.c.stream_id == stream_id))
        with pytest.raises(IntegrityError, match="append-only"), connection.begin():
            connection.execute(delete(events))
    assert versions(engine, stream_id) == []


def test_a_version_cannot_be_stored_twice(engine: Engine, stream_id: UUID) -> None:
    with pytest.raises(IntegrityError, match="uq_events_stream_id_version"):
        _insert_row(engine, stream_id, 1, "habit.deleted", {"at": "2026-01-06T08:00:00Z"})


def _insert_row(
    engine: Engine,
    stream_id: UUID,
    version: int,
    event_type: str,
    data: dict[str, Any],
    *,
    schema_version: int = 1,
) -> None:
    with transaction(engine) as connection:
        connection.execute(
            insert(events).values(
                stream_id=stream_id,
                version=version,
                event_id=uuid4(),
                type=event_type,
                schema_version=schema_version,
                data=data,
                meta={},
            )
        )


# As if habits had once been stored with minutes, and before that with a description only.
_GROWN = Upcasting(
    {
        "habit.created": [
            lambda data: {**data, "details": _with_minutes(data["details"])},
            lambda data: {**data, "details": _with_seconds(data["details"])},
        ]
    }
)
GROWN = EventStore(
    replace(
        HABITS,
        read=lambda event_type, schema_version, data: HABITS.read(
            event_type, 1, _GROWN.to_newest(event_type, schema_version, data)
        ),
    )
)


def _with_minutes(details: dict[str, Any]) -> dict[str, Any]:
    action, place = details["description"].split(" at ")
    return {"action": action, "place": place, "time": details["time"], "minutes": 2}


def _with_seconds(details: dict[str, Any]) -> dict[str, Any]:
    minutes = details["minutes"]
    rest = {name: value for name, value in details.items() if name != "minutes"}
    return {**rest, "duration_seconds": minutes * 60}


def test_rows_of_old_schema_versions_are_read_as_the_newest(engine: Engine) -> None:
    common = {"owner_id": str(OWNER), "at": "2020-01-05T08:00:00Z"}
    old_rows = {
        1: {"description": "Read at Sofa", "time": "21:00:00"},
        2: {"action": "Read", "place": "Sofa", "time": "21:00:00", "minutes": 2},
    }
    for schema_version, details in old_rows.items():
        stream_id = uuid4()
        with transaction(engine) as connection:
            connection.execute(insert(streams).values(id=stream_id, owner_id=OWNER, version=1))
        data = {**common, "habit_id": str(stream_id), "details": details}
        _insert_row(engine, stream_id, 1, "habit.created", data, schema_version=schema_version)
        with transaction(engine) as connection:
            GROWN.append(
                connection,
                stream_id,
                [HabitDeleted(at=NOW)],
                owner_id=OWNER,
                expected_version=1,
                meta={},
            )
            first, second = GROWN.read(connection, stream_id, limit=9)
            stored = connection.execute(
                select(events.c.data).where(events.c.stream_id == stream_id, events.c.version == 1)
            ).scalar_one()
        assert isinstance(first.event, HabitCreated)
        assert first.event.details == HabitDetails(
            action="Read", place="Sofa", times=(time(21),), duration_seconds=120
        )
        assert second.event == HabitDeleted(at=NOW)
        assert stored == data


def test_a_store_reads_all_streams_of_its_kind_and_no_others(
    engine: Engine, stream_id: UUID
) -> None:
    teas: EventStore[int, str] = EventStore(
        StreamKind(
            name="tea",
            initial=0,
            evolve=lambda cups, _event: cups + 1,
            write=lambda event: StoredForm(event, 1, {}),
            read=lambda event_type, _schema_version, _data: event_type,
        )
    )
    tea_id = uuid4()
    with transaction(engine) as connection:
        teas.append(connection, tea_id, ["tea.brewed"], owner_id=OWNER, expected_version=0, meta={})
        teas.append(connection, tea_id, ["tea.drunk"], owner_id=OWNER, expected_version=1, meta={})
        assert teas.load(connection, tea_id) == 2
        assert [item.event for item in teas.read_all(connection)] == ["tea.brewed", "tea.drunk"]
        of_both = select(streams.c.kind).where(streams.c.id.in_([stream_id, tea_id]))
        assert set(connection.execute(of_both).scalars()) == {"habit", "tea"}


def test_a_row_of_newer_code_is_refused_not_misread(engine: Engine, stream_id: UUID) -> None:
    data = {"at": "2026-01-06T08:00:00Z"}
    _insert_row(engine, stream_id, 2, "habit.changed", data, schema_version=99)
    with engine.connect() as connection, pytest.raises(UnknownSchemaVersion):
        STORE.load(connection, stream_id)


def test_loading_a_stream_reads_only_its_rows(engine: Engine, stream_id: UUID) -> None:
    with transaction(engine) as connection:
        # Enough other rows that reading all of them would not be the planner's choice.
        for _ in range(300):
            other = uuid4()
            append(connection, other, 0, created(other))
        connection.execute(text("ANALYZE events"))
        plan = connection.execute(
            text("EXPLAIN SELECT * FROM events WHERE stream_id = :id ORDER BY version"),
            {"id": stream_id},
        )
        assert "uq_events_stream_id_version" in "\n".join(plan.scalars())
        assert connection.execute(select(func.count()).select_from(events)).scalar_one() > 300
