"""From commit to queue: a relay woken by NOTIFY against one that finds the row by polling.

One relay serves both, turn and turn about, so whatever else the machine does hits both alike: an
event stored by `transaction` wakes it, one stored by a bare commit waits for its next look.
"""

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aio_pika
from sqlalchemy import Engine

from shared.contracts.events import ACCOUNT_CHANGED
from shared.contracts.topology import EVENTS_EXCHANGE
from shared.outbox.relay import POLL_SECONDS
from shared.outbox.table import add_event
from tests.benchmarks.table import Row, ratio_text
from tests.integration.shared.outbox_story import account, running_relay, store

WARM_UP = 10
ARRIVAL_LIMIT_SECONDS = 30

Arrivals = asyncio.Queue[float]


async def measure(
    engine: Engine, database_url: str, rabbitmq_url: str, *, samples: int
) -> list[Row]:
    """Return one row for each way of finding the event, and their ratio."""
    chance = random.Random(1)
    woken: list[float] = []
    polled: list[float] = []
    async with running_relay(database_url, rabbitmq_url), _arrivals(rabbitmq_url) as arrivals:
        for number in range(WARM_UP + samples):
            for commit, times in ((_commit_and_wake, woken), (_commit_only, polled)):
                # The relay's next look must not keep step with ours.
                await asyncio.sleep(chance.uniform(0, POLL_SECONDS))
                times.append(await _latency(engine, arrivals, commit, f"a-{number}"))
    return _rows(woken[WARM_UP:], polled[WARM_UP:])


@asynccontextmanager
async def _arrivals(rabbitmq_url: str) -> AsyncIterator[Arrivals]:
    """Yield a queue of the instants at which events arrived at a subscriber."""
    arrivals: Arrivals = asyncio.Queue()

    async def take(_message: aio_pika.abc.AbstractIncomingMessage) -> None:
        arrivals.put_nowait(time.perf_counter())

    connection = await aio_pika.connect(rabbitmq_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(EVENTS_EXCHANGE, ACCOUNT_CHANGED)
        await queue.consume(take, no_ack=True)
        yield arrivals


async def _latency(
    engine: Engine, arrivals: Arrivals, commit: Callable[[Engine, str], float], account_id: str
) -> float:
    committed_at = await asyncio.to_thread(commit, engine, account_id)
    return await asyncio.wait_for(arrivals.get(), ARRIVAL_LIMIT_SECONDS) - committed_at


def _commit_and_wake(engine: Engine, account_id: str) -> float:
    began = time.perf_counter()
    store(engine, account_id, 1)
    return began


def _commit_only(engine: Engine, account_id: str) -> float:
    began = time.perf_counter()
    with engine.begin() as connection:
        add_event(connection, "/services/test", ACCOUNT_CHANGED, account_id, account(account_id, 1))
    return began


def _rows(woken: list[float], polled: list[float]) -> list[Row]:
    return [
        Row(name, f"{_median(times):.1f} ms, p99 {_p99(times):.1f} ms", ratio_text(woken, times))
        for name, times in (("woken by NOTIFY", woken), ("polling only", polled))
    ]


def _median(seconds: list[float]) -> float:
    return statistics.median(seconds) * 1000


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98] * 1000
