"""Tells the error of a server that cannot be reached, which passes by itself, from all others.

Only a connection that cannot be made or has broken counts. Whatever a server that is there answers
(a script error, a wrong type, a time-out of a statement, a deadlock, a full disk) is not: the same
work may fail in the same way for ever, so its tries have to be counted.
"""

import redis
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# SQLSTATEs of a session that the server has ended or did not accept: class 08, and of class 57
# admin_shutdown, crash_shutdown and cannot_connect_now.
_CONNECTION_CLASS = "08"
_SERVER_STOPS_OR_STARTS = frozenset({"57P01", "57P02", "57P03"})

# Brokers are here, too: what aio-pika and our publisher raise then is a ConnectionError.
_UNREACHABLE = (ConnectionError, PoolTimeout, redis.ConnectionError, redis.TimeoutError)


def is_server_away(error: BaseException) -> bool:
    """Whether waiting is all that can be done about this error."""
    if isinstance(error, DBAPIError):
        return _database_is_away(error)
    return isinstance(error, _UNREACHABLE)


def _database_is_away(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in _SERVER_STOPS_OR_STARTS or state.startswith(_CONNECTION_CLASS)
    # Without a state it did not come from the server: nobody answered, or the line broke.
    return error.connection_invalidated or isinstance(error, OperationalError)
