"""The migrations make the tables of the code and keep what they find; what is old is forgotten."""

from collections.abc import Callable
from datetime import timedelta

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, func, insert, select, text

from services.notifier.record_retention import DELIVERIES_KEPT, RETENTIONS, UPDATES_KEPT
from services.notifier.sending import delivery_states
from services.notifier.tables import (
    DELIVERIES,
    DELIVERY_STATES,
    HANDLED_UPDATES,
    LINK_REQUESTS,
    METADATA,
)
from shared.database import new_engine, transaction
from shared.instants import now
from shared.migrations import alembic_config, migrate
from shared.pruning import prune


def test_the_migrations_make_exactly_the_tables_of_the_code(engine: Engine) -> None:
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    assert differences == []


def test_old_updates_and_requests_are_forgotten(engine: Engine) -> None:
    at = now()
    with transaction(engine) as connection:
        connection.execute(
            insert(HANDLED_UPDATES),
            [
                {"update_id": 1, "handled_at": at - UPDATES_KEPT - timedelta(seconds=1)},
                {"update_id": 2, "handled_at": at},
            ],
        )
        for name, expires_at in (("old", at - timedelta(seconds=1)), ("new", at + UPDATES_KEPT)):
            row = {"account_id": name, "code_hash": name.ljust(32).encode(), "chat_id": None}
            connection.execute(insert(LINK_REQUESTS).values(**row, expires_at=expires_at))
    prune(engine, RETENTIONS)
    with engine.connect() as connection:
        assert connection.scalars(select(HANDLED_UPDATES.c.update_id)).all() == [2]
        assert connection.scalars(select(LINK_REQUESTS.c.account_id)).all() == ["new"]


def test_the_ledger_and_the_states_of_long_ago_are_forgotten_batch_by_batch(
    engine: Engine,
) -> None:
    at = now()
    old_at = at - DELIVERIES_KEPT - timedelta(seconds=1)
    for name, instant in [*((f"old {n}", old_at) for n in range(5)), ("new", at)]:
        state = {"identity": name, "state": "expired", "token": "", "attempts": 0}
        ledger = {
            "reminder_id": name,
            "account_id": "a",
            "habit_id": "h",
            "local_date": at.date(),
            "due_at": instant,
            "received_at": instant,
            "outcome": "expired",
            "attempts": 0,
        }
        with transaction(engine) as connection:
            connection.execute(insert(DELIVERY_STATES).values(**state, changed_at=instant))
            connection.execute(insert(DELIVERIES).values(**ledger))
    prune(engine, RETENTIONS, batch_size=2)
    with engine.connect() as connection:
        assert connection.scalars(select(DELIVERY_STATES.c.identity)).all() == ["new"]
        assert connection.scalars(select(DELIVERIES.c.reminder_id)).all() == ["new"]


def test_what_the_ledger_knew_before_the_states_came_is_not_sent_again(
    database: Callable[[str], str],
) -> None:
    url = database("notifier")
    engine = new_engine(url)
    config = alembic_config("notifier", url)
    with transaction(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        connection.execute(
            text(
                "INSERT INTO deliveries (reminder_id, account_id, habit_id, local_date, due_at,"
                " received_at, sent_at, outcome, attempts, telegram_message_id)"
                " VALUES ('r', 'a', 'h', '2026-01-31', now(), now(), now(), 'sent', 1, 7)"
            )
        )
    migrate("notifier", url)
    with transaction(engine) as connection:
        known = delivery_states.look(connection, ["reminder:r"])
        states = connection.scalar(select(func.count()).select_from(DELIVERY_STATES))
    engine.dispose()
    assert states == 1
    assert known.ended["reminder:r"].telegram_message_id == 7
