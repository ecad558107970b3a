"""Brings updates to the bot's webhook: one at a time, in order, again until it answers 2xx."""

import asyncio
import time

import httpx

from deploy.telegram_simulator.telegram_shapes import JSON
from deploy.telegram_simulator.world import Webhook, World
from shared.process.structured_logs import get_logger

FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 10.0
_TIMEOUT_SECONDS = 30.0

log = get_logger(__name__)


async def deliver_for_ever(world: World) -> None:
    """Deliver whatever is pending while a webhook is set; runs until cancelled."""
    wait_seconds = FIRST_WAIT_SECONDS
    # No proxy: the bot is next door, wherever the environment sends other traffic.
    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
        while True:
            version = world.changes.version
            webhook, pending = world.webhook, world.updates.pending(1)
            if webhook is None or not pending:
                await world.changes.wait_beyond(version)
            elif (error := await _deliver(client, webhook, pending[0])) is None:
                world.updates.confirm_before(pending[0]["update_id"] + 1)
                world.changes.announce()
                wait_seconds = FIRST_WAIT_SECONDS
            else:
                webhook.last_error_at, webhook.last_error = time.time(), error
                log.warning("webhook refused an update", error=error, wait_seconds=wait_seconds)
                await asyncio.sleep(wait_seconds)
                wait_seconds = min(2 * wait_seconds, LONGEST_WAIT_SECONDS)


async def _deliver(client: httpx.AsyncClient, webhook: Webhook, update: JSON) -> str | None:
    """Return what went wrong, None when the webhook took the update."""
    headers = {}
    if webhook.secret_token is not None:
        headers["X-Telegram-Bot-Api-Secret-Token"] = webhook.secret_token
    try:
        response = await client.post(webhook.url, json=update, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"Connection failed: {type(error).__name__}"
    if response.is_success:
        return None
    return f"Wrong response from the webhook: {response.status_code} {response.reason_phrase}"
