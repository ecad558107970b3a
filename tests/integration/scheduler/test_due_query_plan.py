"""Looking for due habits costs what is due, not what is stored."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, Select, text
from sqlalchemy.dialects import postgresql

from services.scheduler.due_claims import accounts_query, habits_query, seconds_to_next_due
from services.scheduler.due_tick import BATCH_SIZE
from shared.database import new_engine, transaction
from shared.instants import now

STORED = 200_000
DUE = 50
# The index's pages on the way down and a page of the table for each row, with room to spare; the
# table has thousands of pages, so reading more than what is due does not stay hidden.
MOST_PAGES = 4 * DUE + 20

INDEX_SCANS = {"Index Scan", "Bitmap Index Scan", "Bitmap Heap Scan"}

_FILL = """
INSERT INTO habits (habit_id, account_id, version, deleted, action, place, is_pleasant, local_time,
                    period_days, created_at, timing_since, anchor_date, tzdata_version,
                    next_local_date, next_due_at)
SELECT 'habit-' || n, 'account-1', 1, false, 'Walk', 'Park', false, '07:00', 1, now(), now(),
       current_date, '2026.6', current_date,
       CASE WHEN n <= :due THEN now() - n * interval '1 second'
            ELSE now() + interval '1 hour' + n * interval '1 second' END
  -- Due rows lie scattered over the table, as they do in life.
  FROM (SELECT i * 7919 % :stored + 1 AS n FROM generate_series(1, :stored) AS i) AS scattered
"""


@pytest.fixture(scope="module")
def filled(migrated_url: str) -> Iterator[Engine]:
    engine = new_engine(migrated_url)
    try:
        with transaction(engine) as connection:
            connection.execute(text("SET LOCAL statement_timeout = '100s'"))
            connection.execute(text("INSERT INTO accounts (account_id) VALUES ('account-1')"))
            connection.execute(text(_FILL), {"due": DUE, "stored": STORED})
            connection.execute(text("ANALYZE habits"))
        yield engine
    finally:
        engine.dispose()


def test_the_claim_reads_only_due_rows_through_the_partial_index(filled: Engine) -> None:
    plan = _explain(filled, _literal(accounts_query(BATCH_SIZE)))

    # An index scan, or a bitmap scan of the index and of the pages it names.
    scans = [node for node in _scans(plan) if node.get("Alias") != "accounts"]
    assert {node["Node Type"] for node in scans} <= INDEX_SCANS
    assert [node["Index Name"] for node in scans if "Index Name" in node] == ["ix_habits_due"]
    assert {node["Actual Rows"] for node in scans} == {DUE}
    assert {node.get("Rows Removed by Filter", 0) for node in scans} == {0}
    assert _pages(plan["Plan"]) < MOST_PAGES


def test_a_claim_reads_no_more_than_its_batch(filled: Engine) -> None:
    plan = _explain(filled, _literal(accounts_query(10)))

    [scan] = [node for node in _scans(plan) if node["Alias"] == "habits"]
    assert scan["Actual Rows"] == 10


def test_of_a_claimed_account_only_due_rows_are_read(filled: Engine) -> None:
    plan = _explain(filled, _literal(habits_query(["account-1"], now(), 2_000)))

    scans = list(_scans(plan))
    assert {node["Node Type"] for node in scans} <= INDEX_SCANS
    assert {node["Actual Rows"] for node in scans} == {DUE}
    assert {node.get("Rows Removed by Filter", 0) for node in scans} == {0}
    assert _pages(plan["Plan"]) < MOST_PAGES


def test_the_next_due_instant_is_read_from_the_end_of_the_index(filled: Engine) -> None:
    with filled.connect() as connection:
        seconds = seconds_to_next_due(connection)

    plan = _explain(filled, "SELECT min(next_due_at), clock_timestamp() FROM habits")
    [scan] = [node for node in _nodes(plan["Plan"]) if "Scan" in node["Node Type"]]
    assert scan["Index Name"] == "ix_habits_due"
    assert scan["Actual Rows"] == 1
    assert seconds is not None
    assert seconds < 0


def _literal(query: Select[Any]) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _explain(engine: Engine, query: str) -> Any:
    with engine.connect() as connection:
        explained = connection.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}"))
        return explained.scalar_one()[0]


def _scans(explained: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (node for node in _nodes(explained["Plan"]) if "Scan" in node["Node Type"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _pages(plan: dict[str, Any]) -> int:
    pages: int = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return pages
