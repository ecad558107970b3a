"""How a process of ours runs: it waits for its servers, works until SIGTERM, and stops cleanly.

What only some processes need (the consumer, Alembic) is imported where it is needed: a dozen
processes that start at once share the processor.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError

from shared.contracts.topology import WorkQueue
from shared.database import is_reachable, new_engine
from shared.messaging.broker_refusals import BrokerRefused
from shared.messaging.broker_topology import declare_topology
from shared.messaging.dead_letter_watch import dead_letter_watches
from shared.messaging.publisher import BROKER_ERRORS, Publisher
from shared.outbox.relay import Relay
from shared.process.heartbeat import Heartbeat
from shared.process.ops_http import OpsServer, ReadinessChecks
from shared.process.service import CommonSettings
from shared.process.stop_budget import CANCEL_SECONDS, DRAIN_SECONDS
from shared.process.structured_logs import get_logger
from shared.process.upkeep import looked_after
from shared.process.waiting import wait_for, wait_for_async
from shared.pruning import PRUNING_SECONDS, Retention, prune

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from shared.messaging.consumer import Consumer
    from shared.messaging.deliveries import Handler

SETUP_LIMIT_SECONDS = 300

Work = Callable[[asyncio.Event], Awaitable[None]]

_log = get_logger(__name__)


def run_process(work: Work, *, host: str, ops_port: int, checks: ReadinessChecks) -> None:
    """Run `work(stop)` with the operational endpoints; SIGTERM and SIGINT set `stop`.

    A signal while `work` still waits for a server ends the wait. `/healthz` says no when the event
    loop is stuck.
    """
    heartbeat = Heartbeat()
    ops = OpsServer(host, ops_port, checks, heartbeat.is_felt)
    asyncio.run(_run_until_signal(work, ops, heartbeat))


async def _run_until_signal(work: Work, ops: OpsServer, heartbeat: Heartbeat) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    beating = asyncio.create_task(heartbeat.beat())
    # Who gets an answer may send a signal, and finds it handled.
    ops.start()
    try:
        _log.info("started")
        await work(stop)
        _log.info("stopped")
    finally:
        beating.cancel()
        ops.stop()


async def until_stopped(stop: asyncio.Event, attempt: Awaitable[object]) -> bool:
    """Await `attempt` unless `stop` is set first; return whether it finished."""
    task = asyncio.ensure_future(attempt)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if task.done():
        task.result()
        return True
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return False


@asynccontextmanager
async def connected(publisher: Publisher, stop: asyncio.Event) -> AsyncIterator[bool]:
    """Connect a publisher, waiting for the broker; yields False when stopped before that."""
    enter = wait_for_async("RabbitMQ", publisher.__aenter__, BROKER_ERRORS)
    ready = await until_stopped(stop, enter)
    try:
        yield ready
    finally:
        await publisher.__aexit__(None, None, None)


async def run_consumer(
    consumer: "Consumer", publisher: Publisher, stop: asyncio.Event, *, on_stop: Work | None = None
) -> None:
    """Consume until `stop`; `on_stop` runs once no delivery is in hand any more.

    The dead letters of the consumer's queues are looked after meanwhile.
    """
    watches = dead_letter_watches(consumer.url, consumer.queues)
    async with looked_after(*watches), connected(publisher, stop) as ready:
        if not ready:
            return
        start = wait_for_async("RabbitMQ queues", consumer.start, BROKER_ERRORS)
        if await until_stopped(stop, start):
            await stop.wait()
        drained_by = asyncio.get_running_loop().time() + CANCEL_SECONDS + DRAIN_SECONDS
        await consumer.stop()
        if on_stop is not None:
            await _until(drained_by, on_stop(stop))


async def _until(deadline: float, work: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout_at(deadline):
            await work
    except TimeoutError:
        _log.error("stopping with work under way")


def run_consume(
    service: str,
    settings: CommonSettings,
    engine: "Engine",
    handlers: "Mapping[WorkQueue, Handler]",
    *,
    prefetch: int,
) -> None:
    """Run a process that takes what comes through queues into its service's database.

    Of each queue at most `prefetch` deliveries are handled at a time.
    """
    from shared.messaging.consumer import Consumer

    publisher = Publisher(settings.rabbitmq_url, f"{service}-consumer")
    consumer = Consumer(settings.rabbitmq_url, publisher, f"{service}-consumer")
    for queue, handler in handlers.items():
        consumer.subscribe(queue, handler, prefetch=prefetch)

    async def work(stop: asyncio.Event) -> None:
        await run_consumer(consumer, publisher, stop)
        engine.dispose()

    run_process(
        work,
        host=settings.http_host,
        ops_port=settings.ops_port,
        checks={"database": lambda: is_reachable(engine), "broker": consumer.is_consuming},
    )


def run_relay(service: str, settings: CommonSettings, retentions: Sequence[Retention]) -> None:
    """Run the outbox relay of a service's database, which also forgets what is kept for a time."""
    probe = new_engine(settings.database_url, pool_size=1)
    publisher = Publisher(settings.rabbitmq_url, f"{service}-relay")

    async def work(stop: asyncio.Event) -> None:
        pruning = (PRUNING_SECONDS, lambda: asyncio.to_thread(prune, probe, retentions))
        async with looked_after(pruning), connected(publisher, stop) as ready:
            if ready:
                await Relay(settings.database_url, publisher).run(stop)
        probe.dispose()

    run_process(
        work,
        host=settings.http_host,
        ops_port=settings.ops_port,
        checks={
            "database": lambda: is_reachable(probe),
            "broker": lambda: publisher.is_connected,
        },
    )


def run_setup(service: str, settings: CommonSettings, queues: Iterable[WorkQueue]) -> None:
    """Migrate a service's database and declare its queues; waits for both servers.

    Raises the last error when a server does not appear within `SETUP_LIMIT_SECONDS`; exits at once
    when the broker is there and refuses.
    """
    from shared.migrations import migrate

    wait_for(
        "PostgreSQL",
        lambda: migrate(service, settings.database_url),
        (OperationalError,),
        limit_seconds=SETUP_LIMIT_SECONDS,
    )
    try:
        wait_for(
            "RabbitMQ",
            lambda: asyncio.run(declare_topology(settings.rabbitmq_url, queues)),
            BROKER_ERRORS,
            limit_seconds=SETUP_LIMIT_SECONDS,
        )
    except BrokerRefused as refused:
        sys.exit(f"RABBITMQ_URL: {refused}")
    _log.info("set up")
