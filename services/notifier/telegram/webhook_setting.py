"""Tells Telegram where to send updates, until it has taken it."""

import asyncio

from telegram.error import TelegramError

from services.notifier.telegram.client import TelegramClient
from shared.process.processes import until_stopped
from shared.process.structured_logs import get_logger
from shared.process.waiting import wait_for_async

_log = get_logger(__name__)


async def set_webhook(telegram: TelegramClient, url: str, secret: str, stop: asyncio.Event) -> None:
    """Set the webhook, trying again while Telegram is away; gives up only at `stop`."""
    attempt = wait_for_async(
        "Telegram", lambda: telegram.set_webhook(url, secret), (TelegramError,)
    )
    if await until_stopped(stop, attempt):
        _log.info("webhook set", url=url)
