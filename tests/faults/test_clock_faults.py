"""Fault 29, its clocks: the database's clock jumps hours and days, forth and back.

A function of our own stands in front of PostgreSQL's, in a schema that is searched first, and adds
an offset. Zones, their changes and newer zone data have tests of their own; see
`docs/fault-suite.md`.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import Engine

from services.scheduler.due_tick import tick
from shared.database import new_engine, transaction
from shared.instants import now
from shared.migrations import migrate
from tests.integration.scheduler.story import (
    GRACE,
    deliver,
    linked_account,
    recorded,
    seconds_ago,
    time_at,
    told,
)
from tests.unit.scheduler.states import habit_state

_CLOCKS = """
CREATE SCHEMA clock;
CREATE TABLE clock.jump (by interval NOT NULL);
INSERT INTO clock.jump VALUES ('0');
CREATE FUNCTION clock.statement_timestamp() RETURNS timestamptz STABLE LANGUAGE sql
AS 'SELECT pg_catalog.statement_timestamp() + by FROM clock.jump';
CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
AS 'SELECT pg_catalog.clock_timestamp() + by FROM clock.jump';
DO $$ BEGIN
  EXECUTE format('ALTER DATABASE %I SET search_path = clock, pg_catalog, public',
                 current_database());
END $$;
"""


@pytest.fixture
def schedule(database: Callable[[str], str]) -> Iterator[Engine]:
    url = database("scheduler")
    migrate("scheduler", url)
    with psycopg.connect(url) as connection:
        connection.execute(_CLOCKS)
    engine = new_engine(url)
    yield engine
    engine.dispose()


def jump_to(engine: Engine, offset: timedelta) -> None:
    with transaction(engine) as connection:
        connection.exec_driver_sql("UPDATE clock.jump SET by = %s", (offset,))


@pytest.mark.short
def test_a_clock_that_jumps_announces_no_date_twice_and_nothing_early(schedule: Engine) -> None:
    began = now()
    due_at = seconds_ago(-1800)
    linked_account(schedule)
    deliver(schedule, habit_state(time=time_at(due_at), created_at=began, updated_at=began))
    # Hours from the beginning; the habit is due after half an hour, and then every day.
    for hours in (0, 1, 0, 1, 25, 1, 0, 24, 25, 26, 2, 73, 49, 25, 74):
        jump_to(schedule, timedelta(hours=hours))
        before = len(told(schedule))
        while tick(schedule, GRACE):
            pass
        shown = began + timedelta(hours=hours)
        for each in told(schedule)[before:]:
            date_is_over = each.local_date - due_at.date()
            assert due_at + date_is_over <= shown + timedelta(minutes=1), "announced early"
    dates = Counter(local_date for _, local_date, _ in recorded(schedule))
    # Four dates fell due until hour 74: the clock showed more than half an hour past each.
    assert dates == dict.fromkeys((due_at.date() + timedelta(days=n) for n in range(4)), 1)
    assert Counter(each.local_date for each in told(schedule)) == dates
