"""Wires the process `deliver`: events go to their webhooks."""

import asyncio
from contextlib import suppress

from services.feed.database_pool import new_pool
from services.feed.log_reader import LogReader
from services.feed.log_watch import LogWatch
from services.feed.record_retention import RETENTIONS
from services.feed.settings import Settings
from services.feed.webhooks.deliverer import Deliverer
from services.feed.webhooks.endpoints import Endpoints
from services.feed.webhooks.sending import WebhookSender
from shared.database import is_reachable, new_engine
from shared.process.processes import run_process
from shared.process.upkeep import looked_after
from shared.pruning import PRUNING_SECONDS, prune


def deliver(settings: Settings) -> None:
    """Deliver events to webhooks, and forget old tries."""
    probe = new_engine(settings.database_url, pool_size=1)

    async def work(stop: asyncio.Event) -> None:
        watch = LogWatch(settings.database_url)
        watching = asyncio.create_task(watch.run())
        pruning = (PRUNING_SECONDS, lambda: asyncio.to_thread(prune, probe, RETENTIONS))
        async with (
            looked_after(pruning),
            new_pool(settings.database_url) as pool,
            WebhookSender(allow_private=settings.webhooks_allow_private) as sender,
        ):
            await Deliverer(Endpoints(pool), LogReader(pool), watch, sender).run(stop)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        probe.dispose()

    run_process(
        work,
        host=settings.http_host,
        ops_port=settings.ops_port,
        checks={"database": lambda: is_reachable(probe)},
    )
