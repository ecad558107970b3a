"""The bot's user name, for deep links: asked of Telegram once an hour."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Protocol

from telegram.error import TelegramError

from services.notifier.telegram.client import TelegramClient
from shared.process.structured_logs import get_logger

CACHE_SECONDS = 3600.0
# After a failure nobody waits for Telegram again so soon: threads would queue up for it.
RETRY_SECONDS = 3.0
_ANSWER_LIMIT_SECONDS = 5.0

_log = get_logger(__name__)


class TelegramUnavailable(Exception):
    """Telegram does not say what the bot is called; retrying later can help."""


class BotName(Protocol):
    """Gives the bot's user name. Raises TelegramUnavailable."""

    def __call__(self) -> str: ...


class CachedBotName:
    """Asks with getMe; when Telegram is away, the last known name stays good."""

    def __init__(self, new_client: Callable[[], TelegramClient]) -> None:
        self._new_client = new_client
        self._lock = threading.Lock()
        self._name: str | None = None
        self._ask_again_at = 0.0

    def __call__(self) -> str:
        with self._lock:
            if time.monotonic() >= self._ask_again_at:
                self._ask()
            if self._name is None:
                raise TelegramUnavailable("the bot's name is not known")
            return self._name

    def _ask(self) -> None:
        try:
            self._name = asyncio.run(self._fetch())
            self._ask_again_at = time.monotonic() + CACHE_SECONDS
        except (TelegramError, TimeoutError) as error:
            self._ask_again_at = time.monotonic() + RETRY_SECONDS
            _log.warning("the bot's name was not told", reason=f"{type(error).__name__}: {error}")

    async def _fetch(self) -> str:
        async with asyncio.timeout(_ANSWER_LIMIT_SECONDS), self._new_client() as client:
            return await client.username()
