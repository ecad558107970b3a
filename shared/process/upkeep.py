"""What a process looks after besides its work: it measures, it prunes; a failure waits its turn."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from shared.messaging.publisher import BROKER_ERRORS
from shared.process.structured_logs import get_logger

Look = Callable[[], Awaitable[object]]

_log = get_logger(__name__)


async def every(seconds: float, look: Look) -> None:
    """Await `look` again and again, until cancelled."""
    while True:
        try:
            await look()
        except Exception as error:  # a bug in one look must not end the looking
            name = getattr(look, "__name__", "")
            is_fault = not isinstance(error, (RedisError, SQLAlchemyError, *BROKER_ERRORS))
            _log.log(
                logging.ERROR if is_fault else logging.INFO,
                "not now, later",
                looking_at=name,
                reason=repr(error),
                exc_info=is_fault,
            )
        await asyncio.sleep(seconds)


@asynccontextmanager
async def looked_after(*watches: tuple[float, Look]) -> AsyncIterator[None]:
    """Look after things, each every so many seconds, for the length of a block."""
    tasks = [asyncio.create_task(every(seconds, look)) for seconds, look in watches]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
