"""Redis for the notifier: connections with short time-outs, and the Lua scripts of `lua/`.

Redis' errors are raised to the caller, never swallowed: without Redis nothing may be sent. A
command may be repeated after a lost answer: every script gives the same answer when it is asked
again, or one that at most wastes a turn.
"""

from pathlib import Path

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

_SCRIPTS = Path(__file__).with_name("lua")
_SOCKET_TIMEOUT_SECONDS = 2.0
_RETRIES = 2
_BACKOFF = ExponentialBackoff(cap=0.5, base=0.05)

KEY_PREFIX = "notifier"


def read_script(name: str) -> str:
    """Return the source of one Lua script."""
    return (_SCRIPTS / f"{name}.lua").read_text(encoding="utf-8")


def new_async_redis(url: str) -> redis.asyncio.Redis:
    """Return a client for asyncio; nothing connects until its first use."""
    client: redis.asyncio.Redis = redis.asyncio.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=_SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=_SOCKET_TIMEOUT_SECONDS,
        retry=AsyncRetry(_BACKOFF, _RETRIES),
    )
    return client


def new_redis(url: str) -> redis.Redis:
    """Return a blocking client for the HTTP process; nothing connects until its first use."""
    client: redis.Redis = redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=_SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=_SOCKET_TIMEOUT_SECONDS,
        retry=Retry(_BACKOFF, _RETRIES),
    )
    return client


def redis_answers(client: redis.Redis) -> bool:
    """Whether Redis answers, for `/readyz`."""
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
