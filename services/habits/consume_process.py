"""Wires the process `consume`: what other services publish, and what is pressed in Telegram."""

import asyncio

from services.habits.account_events import handle_account_events
from services.habits.days.day_commands import DayCommands
from services.habits.days.pressed_answers import handle_pressed_answers
from services.habits.days.stored_days import DAYS
from services.habits.event_store import EventStore
from services.habits.service import SERVICE
from services.habits.settings import Settings
from shared.contracts.topology import HABITS_COMMANDS, HABITS_EVENTS
from shared.database import is_reachable, new_engine
from shared.messaging.consumer import Consumer
from shared.messaging.publisher import Publisher
from shared.process.processes import run_consumer, run_process

_PREFETCH = 5


def consume(settings: Settings) -> None:
    """Follow the accounts, and record what is pressed below reminders."""
    engine = new_engine(settings.database_url, pool_size=2 * _PREFETCH)
    publisher = Publisher(settings.rabbitmq_url, f"{SERVICE.name}-consumer")
    consumer = Consumer(settings.rabbitmq_url, publisher, f"{SERVICE.name}-consumer")
    consumer.subscribe(HABITS_EVENTS, handle_account_events(engine), prefetch=_PREFETCH)
    days = DayCommands(engine, EventStore(DAYS))
    consumer.subscribe(HABITS_COMMANDS, handle_pressed_answers(engine, days), prefetch=_PREFETCH)

    async def work(stop: asyncio.Event) -> None:
        await run_consumer(consumer, publisher, stop)
        engine.dispose()

    run_process(
        work,
        host=settings.http_host,
        ops_port=settings.ops_port,
        checks={"database": lambda: is_reachable(engine), "broker": consumer.is_consuming},
    )
