"""Several writes as one statement, on a real PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import Column, Connection, DateTime, Engine, Integer, Numeric, Table, Text, Uuid
from sqlalchemy import event as engine_event

from shared.database import new_metadata, transaction
from shared.written_together import Write, upsert, write_together

THINGS = Table(
    "things",
    new_metadata(),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("weight", Numeric(10, 3)),
    Column("seen_at", DateTime(timezone=True)),
    Column("number", Integer),
)
UPSERT = upsert("things", tuple(THINGS.columns.keys()), "id")
REMOVE = """
DELETE FROM things USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS gone (id uuid)
 WHERE things.id = gone.id RETURNING things.id
"""
# What was removed is put back under another name, by what the first write returns.
REPLACE = """
INSERT INTO things (id, name)
SELECT gen_random_uuid(), given.name
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given (name text), removed RETURNING 1
"""
WHOLE = {
    "id": UUID(int=1),
    "name": "naïve \"quotes\" :name %s 'and' a \\ backslash",
    "weight": Decimal("1234567.125"),
    "seen_at": datetime(2026, 1, 5, 8, 30, 0, 123456, tzinfo=UTC),
    "number": 7,
}


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    THINGS.create(engine)
    with transaction(engine) as connection:
        yield connection


def stored(connection: Connection) -> list[dict[str, object]]:
    return [dict(row._mapping) for row in connection.execute(THINGS.select().order_by("name"))]


def test_values_arrive_as_they_are(connection: Connection) -> None:
    assert write_together(connection, [Write("things_shown", UPSERT, [WHOLE])]) == [1]
    assert stored(connection) == [WHOLE]


def test_an_upsert_replaces_all_columns(connection: Connection) -> None:
    later = {**WHOLE, "name": "other", "weight": None, "seen_at": None, "number": None}
    for row in (WHOLE, later):
        write_together(connection, [Write("things_shown", UPSERT, [row])])
    assert stored(connection) == [later]


def test_all_is_one_statement_and_each_tells_how_many_rows_it_touched(
    connection: Connection, engine: Engine
) -> None:
    write_together(connection, [Write("things_shown", UPSERT, [WHOLE])])
    statements: list[str] = []
    engine_event.listen(
        engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: statements.append(statement),
    )
    removed = Write("removed", REMOVE, [{"id": UUID(int=1)}, {"id": UUID(int=2)}])
    replaced = Write("replaced", REPLACE, [{"name": "a"}, {"name": "b"}])
    assert write_together(connection, [removed, replaced]) == [1, 2]
    assert len(statements) == 1
    assert [row["name"] for row in stored(connection)] == ["a", "b"]


def test_nothing_given_is_nothing_written(connection: Connection) -> None:
    assert write_together(connection, [Write("things_shown", UPSERT, [])]) == [0]
