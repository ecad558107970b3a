"""Requests to the Telegram Bot API; the outcome of a send is a value, never an exception.

The bot's token is part of every URL, so no library that logs URLs may log at INFO
(shared.process.structured_logs sees to it) and no error text holds one.
"""

import asyncio
import os
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import groupby
from types import TracebackType
from typing import Any, Self

# The library's coming default: time spans are timedeltas. Without it, each 429 warns.
os.environ.setdefault("PTB_TIMEDELTA", "true")

from telegram import (
    Bot,
    BotCommandScopeAllPrivateChats,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
)
from telegram.request import HTTPXRequest

from services.notifier.telegram.errors import (
    Accepted,
    Ambiguous,
    Failure,
    Outcome,
    ServerError,
    classify,
    is_moot,
    is_refusal,
)
from shared.process.stop_budget import TELEGRAM_SECONDS

# A late answer is better than an unknown one: the library's own 5 s are far too few.
READ_TIMEOUT_SECONDS = float(TELEGRAM_SECONDS)
WRITE_TIMEOUT_SECONDS = 10.0
CONNECT_TIMEOUT_SECONDS = 5.0
POOL_TIMEOUT_SECONDS = 5.0
# All of a request, even if the answer comes byte by byte.
REQUEST_LIMIT_SECONDS = float(TELEGRAM_SECONDS)
# What may be repeated need not wait for an answer so long.
REPEATABLE_LIMIT_SECONDS = 10.0
# Before the answer of a long poll is overdue.
_LONG_POLL_MARGIN_SECONDS = 10

UPDATE_KINDS = ("message", "callback_query", "my_chat_member")

# Written this way, `getUpdates` gives the raw JSON: a kind of update that the library cannot read
# must not stop all the others.
_RAW_GET_UPDATES = "get__updates"

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


@dataclass(frozen=True, slots=True)
class Button:
    """An inline button; `data` comes back when it is pressed, at most 64 bytes.

    The buttons of a message with the same `row` are beside each other, from 0 at the top.
    """

    text: str
    data: str
    row: int = 0


class _Requests(HTTPXRequest):
    """Tells a 5xx that proves nothing from other answers."""

    async def do_request(self, *args: Any, **options: Any) -> tuple[int, bytes]:
        """Return status and body. Raises ServerError for a 5xx that proves nothing."""
        status, body = await super().do_request(*args, **options)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not is_refusal(status, body):
            raise ServerError(f"status {status}")
        return status, body


class TelegramClient:
    """One bot, one pool of connections."""

    def __init__(self, token: str, api_url: str, *, connections: int) -> None:
        self._requests = tuple(
            _Requests(
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
        """Send plain text, with buttons below it, and say what became of it."""
        sending = self._bot.send_message(
            chat_id, text, reply_markup=_keyboard(buttons), link_preview_options=_NO_PREVIEW
        )
        try:
            async with asyncio.timeout(REQUEST_LIMIT_SECONDS):
                return Accepted((await sending).message_id)
        except Exception as error:
            return _failure(error)

    async def edit_message(
        self, chat_id: int, message_id: int, text: str | None, buttons: Sequence[Button] = ()
    ) -> Failure | None:
        """Have a message of the bot's show a text and its buttons; None when it does.

        Without a text only the buttons change. A message that shows it already, or that the person
        has deleted, needs nothing more: asking twice does no harm.
        https://core.telegram.org/bots/api#updating-messages
        """
        markup = _keyboard(buttons)
        if text is None:
            return await _repeatable(
                self._bot.edit_message_reply_markup(
                    chat_id=chat_id, message_id=message_id, reply_markup=markup
                )
            )
        return await _repeatable(
            self._bot.edit_message_text(
                text,
                chat_id=chat_id,
                message_id=message_id,
                reply_markup=markup,
                link_preview_options=_NO_PREVIEW,
            )
        )

    async def answer_press(self, query_id: str, text: str) -> Failure | None:
        """Tell whoever pressed a button what came of it; None when that is done or too late.

        https://core.telegram.org/bots/api#answercallbackquery
        """
        return await _repeatable(self._bot.answer_callback_query(query_id, text))

    async def set_commands(self, commands: Mapping[str, str], language: str | None = None) -> None:
        """Set the menu of private chats, for all or for one language. Raises TelegramError.

        https://core.telegram.org/bots/api#setmycommands
        """
        await self._bot.set_my_commands(
            list(commands.items()),
            scope=BotCommandScopeAllPrivateChats(),
            language_code=language,
        )

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
        """Have updates sent to a URL, one after the other. Raises TelegramError."""
        await self._bot.set_webhook(
            url, secret_token=secret, allowed_updates=list(UPDATE_KINDS), max_connections=1
        )

    async def delete_webhook(self) -> None:
        """Have updates kept for polling. Raises TelegramError."""
        await self._bot.delete_webhook()


def _keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    rows = groupby(sorted(buttons, key=_row_of), key=_row_of)
    return InlineKeyboardMarkup([[_inline_button(each) for each in row] for _, row in rows])


def _row_of(button: Button) -> int:
    return button.row


def _inline_button(button: Button) -> InlineKeyboardButton:
    return InlineKeyboardButton(button.text, callback_data=button.data)


async def _repeatable(request: Awaitable[object]) -> Failure | None:
    """Await a request that may be repeated; None also when there is nothing left to do."""
    try:
        async with asyncio.timeout(REPEATABLE_LIMIT_SECONDS):
            await request
    except Exception as error:
        return None if is_moot(error) else _failure(error)
    return None


def _failure(error: Exception) -> Failure:
    if isinstance(error, TimeoutError):
        return Ambiguous("no answer in time")
    return classify(error)
