"""Wires the scheduler's processes together; nothing connects before a process runs."""

import asyncio
from collections.abc import Sequence

from services.scheduler.event_handlers import handle
from services.scheduler.operator_commands import run_unpark
from services.scheduler.settings import Settings, read_settings
from services.scheduler.tick_loop import run_ticks
from shared.contracts.topology import REMINDERS, SCHEDULER_EVENTS, SCHEDULER_QUEUES
from shared.database import is_reachable, new_engine
from shared.messaging.dead_letters import run_command
from shared.messaging.deliveries import Delivery
from shared.messaging.publisher import Publisher
from shared.process.environment import load_settings
from shared.process.processes import consume, run_process, run_relay, run_setup
from shared.process.structured_logs import configure_logs

SERVICE = "scheduler"
# One at a time: changes of one habit are then taken in the order they came, and a change of a
# place cannot overtake the creation whose reminder is already due. More consumers add throughput,
# not correctness.
_PREFETCH = 1


def tick() -> None:
    """Announce reminders as they become due."""
    settings = _start("tick")
    engine = new_engine(settings.database_url, pool_size=3)

    async def work(stop: asyncio.Event) -> None:
        await run_ticks(engine, settings.grace, stop)
        engine.dispose()

    run_process(
        work,
        host=settings.http_host,
        ops_port=settings.ops_port,
        checks={"database": lambda: is_reachable(engine)},
    )


def consume_events() -> None:
    """Keep the schedule up to date with habits, accounts and chat links."""
    from shared.messaging.consumer import Consumer

    settings = _start("consume")
    engine = new_engine(settings.database_url, pool_size=3)
    publisher = Publisher(settings.rabbitmq_url, f"{SERVICE}-consumer")
    consumer = Consumer(settings.rabbitmq_url, publisher, f"{SERVICE}-consumer")

    async def receive(delivery: Delivery) -> None:
        await asyncio.to_thread(handle, engine, delivery.event(), settings.grace)

    consumer.subscribe(SCHEDULER_EVENTS, receive, prefetch=_PREFETCH)

    async def work(stop: asyncio.Event) -> None:
        await consume(consumer, publisher, stop)
        engine.dispose()

    run_process(
        work,
        host=settings.http_host,
        ops_port=settings.ops_port,
        checks={"database": lambda: is_reachable(engine), "broker": consumer.is_consuming},
    )


def relay() -> None:
    """Move announcements from the outbox to the broker."""
    run_relay(SERVICE, _start("relay"))


def setup() -> None:
    """Migrate the database and declare the queues.

    The queue of reminders is the notifier's, and declared here too: a reminder announced before the
    notifier's own setup would find no queue.
    """
    settings = _start("setup")
    run_setup(
        SERVICE,
        database_url=settings.database_url,
        rabbitmq_url=settings.rabbitmq_url,
        queues=(*SCHEDULER_QUEUES, REMINDERS),
    )


def work_on_dead_letters(arguments: Sequence[str]) -> None:
    """List or replay dead letters."""
    settings = load_settings(read_settings)
    run_command(SERVICE, settings.rabbitmq_url, SCHEDULER_QUEUES, arguments)


def unpark(arguments: Sequence[str]) -> None:
    """List parked habits, or schedule them anew."""
    settings = load_settings(read_settings)
    engine = new_engine(settings.database_url, pool_size=1)
    try:
        run_unpark(engine, settings.grace, arguments)
    finally:
        engine.dispose()


def _start(process: str) -> Settings:
    settings = load_settings(read_settings)
    configure_logs(SERVICE, process, settings.log_level)
    return settings
