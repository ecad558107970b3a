"""Wires the process `tick`: announces reminders as they become due."""

import asyncio

from services.scheduler.settings import Settings
from services.scheduler.tick_loop import run_ticks
from shared.database import is_reachable, new_engine
from shared.process.processes import run_process


def tick(settings: Settings) -> None:
    """Announce reminders as they become due."""
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
