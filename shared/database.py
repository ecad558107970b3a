"""PostgreSQL through SQLAlchemy Core: engines with bounded waits, and the one transaction.

One HTTP request or one message is one `transaction`; nothing else commits. After the commit of a
transaction that wrote to the outbox, the relay is woken; a lost wake-up costs one polling interval.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, MetaData, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.process.structured_logs import get_logger

OUTBOX_CHANNEL = "outbox"
_OUTBOX_WRITTEN = "outbox_written"

_CONNECT_ARGS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "options": "-c statement_timeout=15s -c lock_timeout=10s"
    " -c idle_in_transaction_session_timeout=60s -c timezone=UTC",
}

_log = get_logger(__name__)


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


def new_engine(url: str, *, pool_size: int = 10) -> Engine:
    """Return an engine; nothing connects until its first use."""
    return create_engine(
        psycopg_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=5,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args=_CONNECT_ARGS,
    )


def new_async_engine(url: str, *, pool_size: int = 5) -> AsyncEngine:
    """Return an asyncio engine; nothing connects until its first use."""
    return create_async_engine(
        psycopg_url(url),
        pool_size=pool_size,
        pool_timeout=5,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args=_CONNECT_ARGS,
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Run a block in one transaction; commit at its end, roll back on any exception."""
    with engine.connect() as connection:
        connection.info.pop(_OUTBOX_WRITTEN, None)
        with connection.begin():
            yield connection
        if connection.info.pop(_OUTBOX_WRITTEN, None):
            _wake_relay(connection)


def mark_outbox_written(connection: Connection) -> None:
    """Have the relay woken once the transaction of this connection has committed."""
    connection.info[_OUTBOX_WRITTEN] = True


def _wake_relay(connection: Connection) -> None:
    # After the commit, not inside: a NOTIFY inside takes a lock that serialises all commits.
    try:
        connection.execute(text(f"NOTIFY {OUTBOX_CHANNEL}"))
        connection.commit()
    except SQLAlchemyError:
        _log.warning("relay not woken, it will poll", exc_info=True)


def is_reachable(engine: Engine) -> bool:
    """Whether the database answers."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
