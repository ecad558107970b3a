"""Requests to the Telegram Bot API; the outcome of a send is a value, never an exception.

The bot's token is part of every URL, so no library that logs URLs may log at INFO
(shared.process.structured_logs sees to it) and no error text holds one.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

# The library's coming default: time spans are timedeltas. Without it, each 429 warns.
os.environ.setdefault("PTB_TIMEDELTA", "true")

from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
)
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

from services.notifier.telegram.errors import Accepted, Ambiguous, Outcome, classify
from shared.process.stop_budget import TELEGRAM_SECONDS
from shared.process.structured_logs import get_logger

# A late answer is better than an unknown one: the library's own 5 s are far too few.
READ_TIMEOUT_SECONDS = float(TELEGRAM_SECONDS)
WRITE_TIMEOUT_SECONDS = 10.0
CONNECT_TIMEOUT_SECONDS = 5.0
POOL_TIMEOUT_SECONDS = 5.0
# All of a request, even if the answer comes byte by byte.
REQUEST_LIMIT_SECONDS = float(TELEGRAM_SECONDS)
# Before the answer of a long poll is overdue.
_LONG_POLL_MARGIN_SECONDS = 10

UPDATE_KINDS = ("message", "callback_query", "my_chat_member")

# Written this way, `getUpdates` gives the raw JSON: a kind of update that the library cannot read
# must not stop all the others.
_RAW_GET_UPDATES = "get__updates"

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Button:
    """An inline button; `data` comes back when it is pressed, at most 64 bytes."""

    text: str
    data: str


class TelegramClient:
    """One bot, one pool of connections."""

    def __init__(self, token: str, api_url: str, *, connections: int) -> None:
        self._requests = tuple(
            HTTPXRequest(
                connection_pool_size=size,
                read_timeout=READ_TIMEOUT_SECONDS,
                write_timeout=WRITE_TIMEOUT_SECONDS,
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                pool_timeout=POOL_TIMEOUT_SECONDS,
            )
            for size in (1, connections)
        )
        self._bot = Bot(
            token,
            base_url=f"{api_url}/bot",
            get_updates_request=self._requests[0],
            request=self._requests[1],
        )

    async def __aenter__(self) -> Self:
        # Not the bot's own initialize: it calls getMe, and a start must not depend on Telegram.
        for request in self._requests:
            await request.initialize()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for request in self._requests:
            await request.shutdown()

    async def send_message(
        self, chat_id: int, text: str, buttons: Sequence[Button] = ()
    ) -> Outcome:
        """Send plain text, with a row of buttons below it, and say what became of it."""
        keyboard = InlineKeyboardMarkup(
            [[InlineKeyboardButton(button.text, callback_data=button.data) for button in buttons]]
        )
        try:
            async with asyncio.timeout(REQUEST_LIMIT_SECONDS):
                message = await self._bot.send_message(
                    chat_id,
                    text,
                    reply_markup=keyboard if buttons else None,
                    link_preview_options=LinkPreviewOptions(is_disabled=True),
                )
                return Accepted(message.message_id)
        except TimeoutError:
            return Ambiguous(f"no answer within {REQUEST_LIMIT_SECONDS:.0f} s")
        except Exception as error:
            return classify(error)

    async def answer_button(self, query_id: str, text: str) -> None:
        """Tell the one who pressed a button what came of it; may fail, as when it is too old."""
        try:
            await self._bot.answer_callback_query(query_id, text)
        except TelegramError as error:
            _log.info("button not answered", reason=str(error))

    async def remove_buttons(self, chat_id: int, message_id: int) -> None:
        """Take the buttons away from a message; may fail, as when they are gone."""
        try:
            await self._bot.edit_message_reply_markup(chat_id=chat_id, message_id=message_id)
        except TelegramError as error:
            _log.info("buttons not removed", reason=str(error))

    async def get_updates(self, offset: int | None, wait_seconds: int) -> list[dict[str, Any]]:
        """Wait for updates from `offset` on, confirming those before it. Raises TelegramError."""
        updates = await self._bot.do_api_request(
            _RAW_GET_UPDATES,
            api_kwargs={
                "timeout": wait_seconds,
                "allowed_updates": list(UPDATE_KINDS),
                **({} if offset is None else {"offset": offset}),
            },
            read_timeout=wait_seconds + _LONG_POLL_MARGIN_SECONDS,
        )
        return list(updates)

    async def username(self) -> str:
        """Return the bot's name, as in `https://t.me/<name>`. Raises TelegramError."""
        return str((await self._bot.get_me()).username)

    async def set_webhook(self, url: str, secret: str) -> None:
        """Have updates sent to a URL. Raises TelegramError."""
        await self._bot.set_webhook(url, secret_token=secret, allowed_updates=list(UPDATE_KINDS))

    async def delete_webhook(self) -> None:
        """Have updates kept for polling. Raises TelegramError."""
        await self._bot.delete_webhook()
