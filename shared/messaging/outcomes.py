"""What becomes of a delivery, decided by what its handler raises; knows no broker.

- nothing: it is handled.
- `UnreadableMessage`: to the dead letters at once; no retry can mend it.
- `RetryLater`, or a server that is away: again after a delay, for as long as it takes.
- anything else: again after growing delays, `MAX_ATTEMPTS` times, then to the dead letters.
"""

from dataclasses import dataclass

from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.topology import RETRY_DELAYS_SECONDS
from shared.messaging.deliveries import Delivery, Handler, RetryLater
from shared.process.server_away import is_server_away
from shared.process.structured_logs import get_logger

MAX_ATTEMPTS = 5
SERVER_AWAY_SECONDS = 5

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Handled:
    """There is nothing left to do."""


@dataclass(frozen=True, slots=True)
class Dead:
    """It goes to the dead letters."""


@dataclass(frozen=True, slots=True)
class Again:
    """It waits in the retry queue of `delay_seconds` and comes back as the given attempt."""

    delay_seconds: int
    attempt: int


Outcome = Handled | Dead | Again


async def handle(handler: Handler, delivery: Delivery) -> Outcome:
    """Call a handler; return what becomes of the delivery. Only a cancellation is raised."""
    attempt = delivery.attempt
    try:
        await handler(delivery)
    except UnreadableMessage as error:
        _log.error("unreadable, dead-lettered", reason=str(error))
        return Dead()
    except RetryLater as later:
        _log.info("again later", reason=str(later), delay_seconds=later.delay_seconds)
        return Again(_longest_within(later.delay_seconds), attempt)
    except Exception as error:  # whatever a handler raises, the delivery must be settled
        if is_server_away(error):
            _log.warning("a server is away, again later", reason=repr(error))
            return Again(_longest_within(SERVER_AWAY_SECONDS), attempt)
        if attempt >= MAX_ATTEMPTS:
            _log.exception("failed for good, dead-lettered", attempt=attempt)
            return Dead()
        _log.exception("failed, again later", attempt=attempt)
        return Again(_growing_delay(attempt), attempt + 1)
    return Handled()


def _longest_within(seconds: float) -> int:
    return max(
        (delay for delay in RETRY_DELAYS_SECONDS if delay <= seconds),
        default=RETRY_DELAYS_SECONDS[0],
    )


def _growing_delay(attempt: int) -> int:
    return RETRY_DELAYS_SECONDS[min(attempt, len(RETRY_DELAYS_SECONDS)) - 1]
