"""Wires the process `consume`: takes what other services publish."""

import asyncio

from services.scheduler.event_handlers import handle
from services.scheduler.reminder_commands import handle_reminder_commands
from services.scheduler.service import SERVICE
from services.scheduler.settings import Settings
from shared.contracts.topology import SCHEDULER_COMMANDS, SCHEDULER_DAYS, SCHEDULER_EVENTS
from shared.database import new_engine
from shared.messaging.deliveries import Delivery
from shared.process.processes import run_consume

# One at a time: changes of one habit are then taken in the order they came, and a change of a
# place cannot overtake the creation whose reminder is already due. More consumers add throughput,
# not correctness.
_PREFETCH = 1


def consume(settings: Settings) -> None:
    """Keep the schedule up to date with habits, their days, accounts, chat links and commands."""
    engine = new_engine(settings.database_url, pool_size=3)

    async def receive(delivery: Delivery) -> None:
        await asyncio.to_thread(handle, engine, delivery.event(), settings.grace)

    handlers = {
        SCHEDULER_EVENTS: receive,
        SCHEDULER_DAYS: receive,
        SCHEDULER_COMMANDS: handle_reminder_commands(engine),
    }
    run_consume(SERVICE.name, settings, engine, handlers, prefetch=_PREFETCH)
