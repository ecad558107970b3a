"""Several writes as one statement: one round trip, and one plan that the server keeps.

A write takes its rows as one JSON array, so its text is the same for any number of rows.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, TextClause, text


@dataclass(frozen=True, slots=True)
class Write:
    """An INSERT, UPDATE or DELETE that names its JSON array `:rows` and returns what it touches.

    By its name, later writes of the same statement can say what they depend on.
    """

    name: str
    sql: str
    rows: Sequence[Mapping[str, Any]]


def write_together(connection: Connection, writes: Sequence[Write]) -> list[int]:
    """Run writes by one statement; return how many rows each has touched.

    None of them sees what another does, but for what that returns, and no two may touch the same
    row; foreign keys are checked after all of them. Values that JSON does not know are written as
    PostgreSQL reads them.
    """
    statement = _statement(tuple((write.name, write.sql) for write in writes))
    given = {_rows_of(write.name): _as_json(write.rows) for write in writes}
    return list(connection.execute(statement, given).one())


@lru_cache(maxsize=64)
def upsert(table: str, columns: tuple[str, ...], key: str) -> str:
    """Return the text of a write that makes rows be as they are given, found by a key."""
    names = ", ".join(columns)
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name != key)
    return (
        f"INSERT INTO {table} ({names}) SELECT {names}"  # noqa: S608 - names of ours
        f" FROM jsonb_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS jsonb))"
        f" ON CONFLICT ({key}) DO UPDATE SET {changed} RETURNING 1"
    )


@lru_cache(maxsize=64)
def _statement(writes: tuple[tuple[str, str], ...]) -> TextClause:
    parts = [f"{name} AS ({sql.replace(':rows', f':{_rows_of(name)}')})" for name, sql in writes]
    counts = [f"(SELECT count(*) FROM {name})" for name, _ in writes]  # noqa: S608 - as above
    return text(f"WITH {', '.join(parts)} SELECT {', '.join(counts)}")


def _rows_of(name: str) -> str:
    return f"rows_of_{name}"


def _as_json(rows: Iterable[Mapping[str, Any]]) -> str:
    return json.dumps(list(rows), ensure_ascii=False, default=str)
