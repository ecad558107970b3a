"""Late and repeated news for the scheduler, and SQL without what makes them harmless."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import Insert

from services.scheduler.due_tick import tick
from services.scheduler.tables import REMINDERS
from shared.contracts.events import HabitStateV1
from tests.integration.scheduler.story import (
    GRACE,
    deliver,
    linked_account,
    row_of,
    seconds_ago,
    time_at,
    told,
    wait_since,
)
from tests.unit.scheduler.states import habit_state, instant

JUST_DUE_SECONDS = 1.0
BEYOND_THE_GRACE_SECONDS = GRACE.total_seconds() + 60


class UnguardedUpsert(Insert):
    """Overwrites whatever is there, newer or not."""

    inherit_cache = False

    def on_conflict_do_update(self, *args: Any, **options: Any) -> Self:
        return super().on_conflict_do_update(*args, **{**options, "where": None})


class UnguardedRecord(Insert):
    """Takes every record of a reminder for a new one, as if there were no primary key."""

    inherit_cache = False

    def on_conflict_do_nothing(self, *_args: Any, **_options: Any) -> Self:
        return self.on_conflict_do_update(
            index_elements=REMINDERS.primary_key.columns,
            set_={"outcome": self.excluded.outcome},
        )


def kept_of_changes_that_come_in_disorder(engine: Engine) -> str:
    """Deliver the third version of a habit before the second; return the place that is kept."""
    habit_id = _delivered_backwards(engine, newest={"place": "Balcony"})
    place: str = row_of(engine, habit_id).place
    return place


def is_deleted_though_a_change_comes_late(engine: Engine) -> bool:
    """Deliver a habit's deletion before an older change; return whether it stays deleted."""
    habit_id = _delivered_backwards(engine, newest={"deleted": True})
    deleted: bool = row_of(engine, habit_id).deleted
    return deleted


def announced_beyond_the_grace(engine: Engine) -> list[str]:
    """Tick when a habit has been due for longer than the grace; return what is announced."""
    habit_id, _due_at = _ticked(engine, due_seconds_ago=BEYOND_THE_GRACE_SECONDS)
    return list(_announced(engine, habit_id))


def announced_of_an_occurrence_computed_twice(engine: Engine) -> list[str]:
    """Put an announced occurrence back on the schedule and tick; return what is announced."""
    habit_id, due_at = _ticked(engine, due_seconds_ago=JUST_DUE_SECONDS)
    wait_since(engine, due_at, habit_id)
    tick(engine, GRACE)
    return list(_announced(engine, habit_id))


def _delivered_backwards(engine: Engine, newest: dict[str, object]) -> str:
    habit_id, changed_at = str(uuid4()), instant("2026-05-02T06:00")

    def version(number: int, **changes: object) -> HabitStateV1:
        updated_at = changed_at + timedelta(minutes=number)
        return habit_state(id=habit_id, version=number, updated_at=updated_at, **changes)

    linked_account(engine)
    deliver(engine, version(1), version(3, **newest), version(2, place="Garden"))
    return habit_id


def _ticked(engine: Engine, *, due_seconds_ago: float) -> tuple[str, datetime]:
    habit_id, due_at = str(uuid4()), seconds_ago(due_seconds_ago)
    since = due_at - timedelta(minutes=1)
    linked_account(engine)
    deliver(
        engine, habit_state(id=habit_id, time=time_at(due_at), created_at=since, updated_at=since)
    )
    tick(engine, GRACE)
    return habit_id, due_at


def _announced(engine: Engine, habit_id: str) -> Iterator[str]:
    return (one.type for one in told(engine) if one.habit_id == habit_id)
