"""What becomes of a delivery, by what its handler raises."""

from collections.abc import Awaitable, Callable, Iterator

import psycopg
import pytest
import redis
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from structlog.testing import capture_logs

from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.topology import RETRY_DELAYS_SECONDS, WorkQueue
from shared.messaging.deliveries import Delivery, RetryLater
from shared.messaging.outcomes import MAX_ATTEMPTS, Again, Dead, Handled, Outcome, handle
from shared.messaging.publisher import PublishFailed

AWAY = [
    OperationalError("SELECT 1", {}, psycopg.OperationalError("connection refused")),
    OperationalError("SELECT 1", {}, psycopg.errors.AdminShutdown()),
    OperationalError("SELECT 1", {}, psycopg.errors.CannotConnectNow()),
    OperationalError("SELECT 1", {}, psycopg.errors.ConnectionFailure()),
    PoolTimeout(),
    redis.ConnectionError(),
    redis.TimeoutError(),
    redis.BusyLoadingError(),
    PublishFailed(),
    ConnectionResetError(),
]

PRESENT_AND_FAILING = [
    OperationalError("SELECT 1", {}, psycopg.errors.QueryCanceled()),
    OperationalError("SELECT 1", {}, psycopg.errors.DeadlockDetected()),
    OperationalError("SELECT 1", {}, psycopg.errors.LockNotAvailable()),
    OperationalError("SELECT 1", {}, psycopg.errors.DiskFull()),
    OperationalError("SELECT 1", {}, psycopg.errors.IdleInTransactionSessionTimeout()),
    ProgrammingError("SELECT FROM FROM", {}, psycopg.errors.SyntaxError()),
    redis.ResponseError("WRONGTYPE Operation against a key"),
    redis.OutOfMemoryError(),
    OSError(28, "No space left on device"),
    TimeoutError(),
    ZeroDivisionError(),
]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Unconfigured, the logs draw every traceback in colours, which takes seconds."""
    with capture_logs():
        yield


def delivery(attempt: int = 1) -> Delivery:
    return Delivery(
        queue=WorkQueue("test.work"),
        message_id="m-1",
        headers={},
        body=b"{}",
        redelivered=False,
        attempt=attempt,
        content_type=None,
        message_type=None,
    )


def raising(error: BaseException) -> Callable[[Delivery], Awaitable[None]]:
    async def handler(_delivery: Delivery) -> None:
        raise error

    return handler


async def test_a_handler_that_returns_has_handled_it() -> None:
    async def handler(_delivery: Delivery) -> None:
        return

    assert await handle(handler, delivery()) == Handled()


async def test_what_cannot_be_read_dies_at_once() -> None:
    assert await handle(raising(UnreadableMessage("not JSON")), delivery()) == Dead()


@pytest.mark.parametrize(("asked", "given"), [(0.2, 1), (1, 1), (4.9, 1), (7, 5), (3600, 30)])
async def test_a_later_try_waits_in_the_longest_queue_that_is_not_too_long(
    asked: float, given: int
) -> None:
    later = raising(RetryLater(asked, "rate limit"))
    assert await handle(later, delivery(attempt=4)) == Again(given, attempt=4)


@pytest.mark.parametrize("error", AWAY, ids=repr)
async def test_a_server_that_is_away_costs_no_attempt(error: Exception) -> None:
    assert await handle(raising(error), delivery(MAX_ATTEMPTS)) == Again(5, MAX_ATTEMPTS)


@pytest.mark.parametrize("error", PRESENT_AND_FAILING, ids=repr)
async def test_every_other_error_is_counted_and_dies_at_last(error: Exception) -> None:
    seen: list[Outcome] = [
        await handle(raising(error), delivery(attempt)) for attempt in range(1, MAX_ATTEMPTS + 1)
    ]
    delays = (*RETRY_DELAYS_SECONDS, RETRY_DELAYS_SECONDS[-1])
    assert seen == [*(Again(delay, n) for n, delay in enumerate(delays, start=2)), Dead()]
