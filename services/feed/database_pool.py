"""The pool of connections with which the log is read on an event loop."""

from psycopg_pool import AsyncConnectionPool

from services.feed.log_reader import Pool
from shared.database import CONNECT_ARGS

_CONNECTIONS = 8
_CONNECTION_SECONDS = 5


def new_pool(database_url: str) -> Pool:
    """Return a pool that connects when it is entered; each statement is a transaction."""
    return AsyncConnectionPool(
        database_url,
        min_size=1,
        max_size=_CONNECTIONS,
        timeout=_CONNECTION_SECONDS,
        kwargs={**CONNECT_ARGS, "autocommit": True, "application_name": "feed"},
        open=False,
    )
