"""Dead letters are counted, and forgotten after a fortnight: they hold people's texts whole.

The consumer of a queue does both. A time-to-live on the broker would need an argument, which no
queue that exists can be given, or a policy, which none of our users may set; and it would not be
applied to what is in the queue already.
"""

from collections.abc import Sequence
from datetime import timedelta

from prometheus_client import Gauge

from shared.contracts.topology import WorkQueue
from shared.instants import now
from shared.messaging.dead_letters import count_dead_letters, forget_dead_letters
from shared.process.structured_logs import get_logger
from shared.process.upkeep import Look

KEPT = timedelta(days=14)
COUNTING_SECONDS = 30.0
FORGETTING_SECONDS = 3600.0

DEAD_LETTERS = Gauge("dead_letters", "Messages in a dead-letter queue", ["queue"])

_log = get_logger(__name__)


def dead_letter_watches(url: str, queues: Sequence[WorkQueue]) -> list[tuple[float, Look]]:
    """Return what to do how often, for `looked_after`."""

    async def count() -> None:
        for queue in queues:
            DEAD_LETTERS.labels(queue.name).set(await count_dead_letters(url, queue))

    async def forget() -> None:
        for queue in queues:
            if forgotten := await forget_dead_letters(url, queue, now() - KEPT):
                _log.info("old dead letters removed", queue=queue.name, count=forgotten)

    return [(COUNTING_SECONDS, count), (FORGETTING_SECONDS, forget)]
