"""What an error of the Bot API client means for the message: sent, surely not sent, or unknown.

The rule: only a refusal of Telegram's own, or what broke before the request could leave, proves
that a message was not sent. Everything else is `Ambiguous`, or `ServerFailed`, and must not be
repeated.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

_CHAT_IS_GONE = ("chat not found", "user not found", "peer_id_invalid", "chat_id is empty")
# What was asked for is so already, or can no longer be.
_MOOT = (
    "message is not modified",
    "message to edit not found",
    "message can't be edited",
    "query is too old",
    "query id is invalid",
)
# What the Bot API server answers to requests that it had begun when it was stopped.
_STOPPED_IN_THE_MIDDLE = ("restart", "abort", "close", "closing")
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Telegram has the message."""

    telegram_message_id: int


@dataclass(frozen=True, slots=True)
class ChatRefused:
    """The bot may not write to this chat: blocked, deactivated, or no such chat."""

    reason: str


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """Telegram does not take this message; no retry can mend it."""

    reason: str


@dataclass(frozen=True, slots=True)
class TooManyRequests:
    """Telegram wants silence for this time; the message was not sent."""

    silence: timedelta


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """Telegram does not know the bot's token; the message was not sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """The message has surely not been sent; a later try may succeed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The request left, its answer did not come or made no sense: perhaps sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class ServerFailed:
    """Telegram's servers answered with a 5xx that proves nothing: perhaps sent.

    A gateway that gives up (502, 504) does not know what became of the request behind it, and the
    Bot API server answers the requests it still has with 500 when it restarts.
    """

    reason: str


Failure = (
    ChatRefused
    | MessageRefused
    | TooManyRequests
    | TokenRefused
    | NotSent
    | Ambiguous
    | ServerFailed
)
Outcome = Accepted | Failure


class ServerError(NetworkError):
    """A 5xx that proves nothing; the library's own exception does not tell its status."""


def classify(error: Exception) -> Failure:  # noqa: PLR0911 - one line for each kind of error
    """Say what an error raised by a request to Telegram means."""
    reason = _describe(error)
    match error:
        case InvalidToken():
            return TokenRefused(reason)
        case TelegramError(__cause__=TelegramError()):
            # Not Telegram's own answer: a proxy's error page, say.
            return Ambiguous(reason)
        case RetryAfter():
            return TooManyRequests(_time_of(error.retry_after))
        case Forbidden():
            return ChatRefused(reason)
        case BadRequest() | ChatMigrated():  # before NetworkError, of which the first is one
            gone = any(words in error.message.lower() for words in _CHAT_IS_GONE)
            return ChatRefused(reason) if gone else MessageRefused(reason)
        case Conflict():
            return NotSent(reason)
        case ServerError():
            return ServerFailed(reason)
        case NetworkError(__cause__=None):  # an answer of Telegram's with ok: false
            return NotSent(reason)
        case NetworkError() if isinstance(error.__cause__, _NEVER_LEFT):
            return NotSent(reason)
        case _:
            return Ambiguous(reason)


def is_refusal(status: int, body: bytes) -> bool:
    """Whether an answer of 5xx is the Bot API server's own word that it has not done it.

    That is a 500 in its own form (`ok: false`, Bot API, "Making requests") which does not speak of
    a server that was stopped in the middle.
    """
    if status != HTTPStatus.INTERNAL_SERVER_ERROR:
        return False
    try:
        answer = json.loads(body)
        said = str(answer["description"]).lower()
        is_its_own = answer["ok"] is False and answer["error_code"] == status
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return is_its_own and not any(words in said for words in _STOPPED_IN_THE_MIDDLE)


def is_moot(error: Exception) -> bool:
    """Whether Telegram says that there is nothing left to edit or to answer."""
    return isinstance(error, BadRequest) and any(words in error.message.lower() for words in _MOOT)


def _time_of(retry_after: float | timedelta) -> timedelta:
    # The library is moving from a number of seconds to a timedelta.
    return retry_after if isinstance(retry_after, timedelta) else timedelta(seconds=retry_after)


def _describe(error: Exception) -> str:
    cause = "" if error.__cause__ is None else f" ({type(error.__cause__).__name__})"
    # Short, because it is stored; without the request, because its URL holds the token.
    return f"{type(error).__name__}: {str(error)[:200]}{cause}"
