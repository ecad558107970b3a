"""PostgreSQL through SQLAlchemy Core: engines with bounded waits, and the one transaction.

One HTTP request or one message is one `transaction`; nothing else commits. After the commit of a
transaction that wrote to the outbox, the relay is told, which costs the transaction nothing.
"""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError

from shared.outbox.wake_ups import SHARDS, WakeUps

_WAKE_UPS = "wake_ups"
_WRITTEN_SHARDS = "written_shards"

CONNECT_ARGS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "options": "-c statement_timeout=15s -c lock_timeout=10s"
    " -c idle_in_transaction_session_timeout=60s -c timezone=UTC",
}


def new_metadata() -> MetaData:
    """Return metadata whose constraints have predictable names."""
    return MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def psycopg_url(url: str) -> str:
    """Return a `postgresql://` URL with psycopg 3 named as its driver."""
    parsed = make_url(url).set(drivername="postgresql+psycopg")
    return parsed.render_as_string(hide_password=False)


def new_engine(url: str, *, pool_size: int = 10, idle_in_transaction_seconds: int = 60) -> Engine:
    """Return an engine; nothing connects until its first use.

    A process that stops in the middle of a transaction loses it, and its locks, after
    `idle_in_transaction_seconds`.
    """
    wake_ups = WakeUps(url)
    engine = create_engine(
        psycopg_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=5,
        pool_recycle=1800,
        connect_args={
            **CONNECT_ARGS,
            "options": f"{CONNECT_ARGS['options']}"
            f" -c idle_in_transaction_session_timeout={idle_in_transaction_seconds}s",
        },
        execution_options={_WAKE_UPS: wake_ups},
    )
    event.listen(engine, "checkout", _refuse_ended)
    event.listen(engine, "engine_disposed", lambda _engine: wake_ups.close())
    return engine


def _refuse_ended(connection: Any, *_record_and_proxy: object) -> None:
    """Have the pool replace a connection that the server has ended while it lay there.

    Such a connection has something to read: the end of the line. Looking costs a system call, where
    a statement would cost every transaction a round trip. What ends later is the statement's error.
    """
    line = select.poll()
    line.register(connection.fileno(), select.POLLIN)
    if line.poll(0):
        raise DisconnectionError


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Run a block in one transaction; commit at its end, roll back on any exception."""
    with engine.connect() as connection:
        connection.info.pop(_WRITTEN_SHARDS, None)
        with connection.begin():
            yield connection
        shards: set[int] = connection.info.pop(_WRITTEN_SHARDS, set())
    if shards:
        wake_ups: WakeUps = engine.get_execution_options()[_WAKE_UPS]
        wake_ups.tell(shards)


def mark_outbox_written(connection: Connection, *shards: int) -> None:
    """Have the relay told of these shards, or of all, once this transaction has committed."""
    connection.info.setdefault(_WRITTEN_SHARDS, set()).update(shards or range(SHARDS))


def is_reachable(engine: Engine) -> bool:
    """Whether the database answers."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
