"""At most N in any span of time, counted in Redis for all replicas together.

Counting is one atomic step: N parallel requests cannot slip through a window that has room for one.
What is refused is not counted, so a window always opens again. When Redis does not answer, each
process counts for itself until it does: limits get looser, nobody is locked out or let in freely.
"""

import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.auth.local_window import LocalWindows
from shared.process.structured_logs import get_logger

_log = get_logger(__name__)

# An entry that starts with "?" is provisional: it holds a place until it is settled or given back,
# and lapses early when its process died. Time is Redis' own: the replicas' clocks do not matter.
# Answers 0 for a place taken, -1 when only provisional entries are in the way, else the
# milliseconds until the oldest entry leaves.
_TAKE = """
local limit, span_ms, provisional_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms - span_ms)
local entries = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
local settled, provisional, oldest_ms = 0, 0, nil
for i = 1, #entries, 2 do
  local taken_ms = tonumber(entries[i + 1])
  if string.sub(entries[i], 1, 1) ~= '?' then
    settled = settled + 1
    oldest_ms = oldest_ms or taken_ms
  elseif taken_ms <= now_ms - provisional_ms then
    redis.call('ZREM', KEYS[1], entries[i])
  else
    provisional = provisional + 1
  end
end
if settled >= limit then return math.max(1, oldest_ms + span_ms - now_ms) end
if settled + provisional >= limit then return -1 end
redis.call('ZADD', KEYS[1], now_ms, ARGV[4])
redis.call('PEXPIRE', KEYS[1], span_ms)
return 0
"""

_SETTLE = """
local taken_ms = redis.call('ZSCORE', KEYS[1], ARGV[1])
if taken_ms then redis.call('ZREM', KEYS[1], ARGV[1]) end
redis.call('ZADD', KEYS[1], taken_ms or redis.call('TIME')[1] * 1000, ARGV[2])
return 0
"""

PROVISIONAL_SECONDS = 10
_REDIS_PAUSE_SECONDS = 5.0


class LimitReached(Exception):
    """The window is full; it has room again after `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"too many requests; try again in {retry_after_seconds} seconds")
        self.retry_after_seconds = retry_after_seconds


class Undecided(Exception):
    """Only provisional entries fill the window: look again in a moment."""


@dataclass(frozen=True, slots=True)
class Place:
    """One provisional entry."""

    key: str
    entry: str


class SlidingWindow:
    """One kind of limit; each subject has a window of its own."""

    def __init__(self, client: redis.Redis, name: str, *, limit: int, span_seconds: int) -> None:
        self._client = client
        self._take = client.register_script(_TAKE)
        self._settle = client.register_script(_SETTLE)
        self._name = name
        self._numbers = [str(limit), str(span_seconds * 1000), str(PROVISIONAL_SECONDS * 1000)]
        self._local = LocalWindows(limit, span_seconds, PROVISIONAL_SECONDS)
        self._redis_from = 0.0

    def count(self, subject: str) -> None:
        """Count one for good. Raises LimitReached."""
        self._enter(Place(self._key(subject), uuid.uuid4().hex))

    def hold(self, subject: str) -> Place:
        """Hold a place until it is known whether to count it.

        Raises LimitReached, or Undecided when others hold the last places.
        """
        place = Place(self._key(subject), f"?{uuid.uuid4().hex}")
        self._enter(place)
        return place

    def settle(self, place: Place) -> None:
        """Count a place that was held."""
        settled = place.entry.removeprefix("?")
        self._local.settle(place.key, place.entry)
        self._in_redis(lambda: self._settle(keys=[place.key], args=[place.entry, settled]))

    def give_back(self, place: Place) -> None:
        """Free a place that was held."""
        self._local.give_back(place.key, place.entry)
        self._in_redis(lambda: self._client.zrem(place.key, place.entry))

    def _key(self, subject: str) -> str:
        return f"limit:{self._name}:{subject}"

    def _enter(self, place: Place) -> None:
        arguments = [*self._numbers, place.entry]
        answer = self._in_redis(lambda: self._take(keys=[place.key], args=arguments))
        wait_ms = self._local.take(place.key, place.entry) if answer is None else float(answer)
        if wait_ms < 0:
            raise Undecided
        if wait_ms > 0:
            raise LimitReached(math.ceil(wait_ms / 1000))

    def _in_redis(self, command: Callable[[], Any]) -> Any:
        """Return what Redis answers, or None when it does not."""
        if time.monotonic() < self._redis_from:
            return None
        try:
            return command()
        except redis.RedisError as error:
            # A server that hangs would otherwise cost every request a time-out.
            self._redis_from = time.monotonic() + _REDIS_PAUSE_SECONDS
            _log.warning("redis does not answer: counting in this process", reason=repr(error))
            return None


def new_redis(url: str) -> redis.Redis:
    """Return a client that gives up quickly; nothing connects until its first use."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=1.0,
        socket_connect_timeout=1.0,
        retry=Retry(NoBackoff(), 1),
    )
