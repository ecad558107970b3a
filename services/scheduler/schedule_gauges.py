"""Gauges of the schedule: what waits although it is due, and what is parked."""

from prometheus_client import Gauge
from sqlalchemy import Engine, func, select

from services.scheduler.tables import HABITS

_due_backlog = Gauge("scheduler_due_habits", "Habits that are due and not yet announced")
_parked = Gauge("scheduler_parked_habits", "Habits whose next occurrence cannot be computed")


def measure_schedule(engine: Engine) -> None:
    """Set the gauges from the database; both counts read a partial index."""
    due = select(func.count()).where(HABITS.c.next_due_at <= func.statement_timestamp())
    parked = select(func.count()).where(HABITS.c.parked_reason.is_not(None))
    with engine.connect() as connection:
        _due_backlog.set(connection.execute(due).scalar_one())
        _parked.set(connection.execute(parked).scalar_one())
