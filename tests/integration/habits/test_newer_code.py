"""What newer code has stored is not misread: this replica asks to try again, on a newer one."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, insert, update

from services.habits.tables import events, streams
from shared.database import transaction
from tests.integration.habits.callers import Caller, assert_problem


@pytest.mark.parametrize(
    ("event_type", "schema_version"), [("habit.sung_about", 1), ("habit.changed", 99)]
)
def test_a_habit_that_newer_code_has_changed_is_503_not_500(
    engine: Engine, anna: Caller, event_type: str, schema_version: int
) -> None:
    habit = anna.create()
    _store_event_of_newer_code(engine, UUID(habit["id"]), event_type, schema_version)
    for answer in (
        anna.patch(habit["id"], {"place": "Office"}),
        anna.delete(habit["id"]),
        anna.get(f"/api/habit/{habit['id']}/history/"),
    ):
        assert_problem(answer, 503, "upgrade_in_progress")
        assert answer.headers["Retry-After"] == "2"
    assert anna.read(habit["id"]) == habit
    assert anna.create()["version"] == 1


def _store_event_of_newer_code(
    engine: Engine, habit_id: UUID, event_type: str, schema_version: int
) -> None:
    with transaction(engine) as connection:
        connection.execute(update(streams).where(streams.c.id == habit_id).values(version=2))
        connection.execute(
            insert(events).values(
                stream_id=habit_id,
                version=2,
                event_id=uuid4(),
                type=event_type,
                schema_version=schema_version,
                data={"at": "2030-01-01T00:00:00Z"},
                meta={},
            )
        )
