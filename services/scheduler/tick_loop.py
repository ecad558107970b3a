"""The life of a tick process: tick, sleep until the next habit is due, and for ever.

The database is looked at again at least every quarter of a second, because another process may have
scheduled something sooner. A database that is away is waited for; no error ends the loop.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from services.scheduler.due_claims import seconds_to_next_due
from services.scheduler.due_tick import tick
from services.scheduler.schedule_gauges import measure_schedule
from services.scheduler.tzdata_refresh import refresh_schedules
from services.scheduler.waiting_tick import tick_waiting
from shared.process.structured_logs import get_logger

# What another process holds makes the next due instant lie in the past: look again at once, but do
# not spin on it.
SHORTEST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.25
_FIRST_RETRY_SECONDS = 0.25
_LONGEST_RETRY_SECONDS = 5.0
_MEASURE_SECONDS = 10.0
_REFRESH_SECONDS = 3600.0

_log = get_logger(__name__)


async def run_ticks(engine: Engine, grace: timedelta, stop: asyncio.Event) -> None:
    """Tick until `stop` is set; the batch in hand is finished first."""
    helpers = [
        asyncio.create_task(
            _repeat(lambda: refresh_schedules(engine, grace), _REFRESH_SECONDS, stop)
        ),
        asyncio.create_task(_repeat(lambda: measure_schedule(engine), _MEASURE_SECONDS, stop)),
    ]
    retry_seconds = _FIRST_RETRY_SECONDS
    while not stop.is_set():
        try:
            pause_seconds = await asyncio.to_thread(_tick_once, engine, grace)
            retry_seconds = _FIRST_RETRY_SECONDS
        except Exception as error:  # reminders stop for everybody if the loop ends
            # A server that is away is said in a line; anything else is a fault to look into.
            is_fault = not isinstance(error, OperationalError)
            _log.warning("tick failed, trying again", reason=repr(error), exc_info=is_fault)
            pause_seconds = retry_seconds
            retry_seconds = min(retry_seconds * 2, _LONGEST_RETRY_SECONDS)
        await _pause(stop, pause_seconds)
    await asyncio.gather(*helpers)


def _tick_once(engine: Engine, grace: timedelta) -> float:
    """Announce what is due; return for how many seconds there is nothing to do."""
    habits, waiting = tick(engine, grace), tick_waiting(engine, grace)
    if habits or waiting:
        return 0.0
    with engine.connect() as connection:
        seconds = seconds_to_next_due(connection)
    if seconds is None:
        return LONGEST_PAUSE_SECONDS
    return min(max(seconds, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)


async def _repeat(job: Callable[[], object], seconds: float, stop: asyncio.Event) -> None:
    """Do a job every so many seconds; one that failed, again before long."""
    while not stop.is_set():
        succeeded = await _succeeds(job)
        await _pause(stop, seconds if succeeded else min(seconds, _LONGEST_RETRY_SECONDS))


async def _succeeds(job: Callable[[], object]) -> bool:
    try:
        await asyncio.to_thread(job)
    except Exception as error:  # a helper's failure must not stop the ticks
        _log.warning("failed, trying again later", reason=repr(error))
        return False
    return True


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    if seconds <= 0:
        return
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
