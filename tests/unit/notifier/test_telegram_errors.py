"""What each error of the Bot API client means for the message."""

import warnings
from datetime import timedelta

import httpx
import pytest
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from services.notifier.telegram.errors import (
    Ambiguous,
    ChatRefused,
    MessageRefused,
    NotSent,
    ServerError,
    ServerFailed,
    TokenRefused,
    TooManyRequests,
    classify,
    is_refusal,
)


def caused(error: TelegramError, cause: Exception) -> TelegramError:
    error.__cause__ = cause
    return error


SURELY_NOT_SENT: list[tuple[str, Exception]] = [
    ("429 without retry_after", NetworkError("Too Many Requests")),
    ("409", Conflict("terminated by other getUpdates request")),
    ("no connection", caused(NetworkError("httpx.ConnectError: x"), httpx.ConnectError("x"))),
    ("connecting timed out", caused(TimedOut(), httpx.ConnectTimeout("x"))),
    ("no free connection", caused(TimedOut("Pool timeout"), httpx.PoolTimeout("x"))),
]
AMBIGUOUS: list[tuple[str, Exception]] = [
    ("no answer in time", caused(TimedOut(), httpx.ReadTimeout("x"))),
    ("writing timed out", caused(TimedOut(), httpx.WriteTimeout("x"))),
    ("reset while reading", caused(NetworkError("x"), httpx.ReadError("x"))),
    ("reset while writing", caused(NetworkError("x"), httpx.WriteError("x"))),
    ("closed without an answer", caused(NetworkError("x"), httpx.RemoteProtocolError("x"))),
    ("502 of a proxy", caused(NetworkError("x"), TelegramError("Invalid server response"))),
    ("403 of a proxy", caused(Forbidden("x"), TelegramError("Invalid server response"))),
    ("200 that is not JSON", TelegramError("Invalid server response")),
    ("200 of an unknown shape", KeyError("message_id")),
    ("a bug in the client", caused(NetworkError("Unknown error"), RuntimeError("x"))),
]


@pytest.mark.parametrize(
    "error", [e for _, e in SURELY_NOT_SENT], ids=[n for n, _ in SURELY_NOT_SENT]
)
def test_surely_not_sent(error: Exception) -> None:
    assert isinstance(classify(error), NotSent)


@pytest.mark.parametrize("error", [e for _, e in AMBIGUOUS], ids=[n for n, _ in AMBIGUOUS])
def test_ambiguous(error: Exception) -> None:
    assert isinstance(classify(error), Ambiguous)


@pytest.mark.parametrize(
    "error",
    [
        Forbidden("Forbidden: bot was blocked by the user"),
        Forbidden("Forbidden: user is deactivated"),
        BadRequest("Chat not found"),
    ],
)
def test_the_chat_is_gone(error: Exception) -> None:
    assert isinstance(classify(error), ChatRefused)


def test_a_bad_request_is_refused_for_good_though_it_is_a_network_error() -> None:
    error = BadRequest("can't parse entities")
    assert isinstance(error, NetworkError)
    assert isinstance(classify(error), MessageRefused)


def test_a_group_that_moved_is_not_followed() -> None:
    assert isinstance(classify(ChatMigrated(-100123)), MessageRefused)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"ok": false, "error_code": 500, "description": "Internal Server Error: restart"}'),
        (500, b'{"ok": false, "error_code": 500, "description": "Request aborted"}'),
        (500, b"<html>Internal Server Error</html>"),
        (500, b'{"ok": false}'),
        (500, b"[]"),
        (502, b'{"ok": false, "error_code": 502, "description": "Bad Gateway"}'),
        (504, b'{"ok": false, "error_code": 504, "description": "Gateway Timeout"}'),
    ],
)
def test_only_the_bot_api_servers_own_500_is_a_refusal(status: int, body: bytes) -> None:
    own = b'{"ok": false, "error_code": 500, "description": "Internal Server Error"}'
    assert is_refusal(500, own)
    assert not is_refusal(status, body)


def test_a_5xx_proves_nothing() -> None:
    assert classify(ServerError("status 502")) == ServerFailed("ServerError: status 502")


@pytest.mark.parametrize("timedeltas", ["0", "1"], ids=["as a number", "as a timedelta"])
@pytest.mark.parametrize("seconds", [3, 0.5])
def test_retry_after_is_read(
    monkeypatch: pytest.MonkeyPatch, timedeltas: str, seconds: float
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", timedeltas)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = classify(RetryAfter(timedelta(seconds=seconds)))
    assert outcome == TooManyRequests(timedelta(seconds=seconds))


def test_a_refused_token_is_not_the_messages_fault() -> None:
    assert isinstance(classify(InvalidToken("Unauthorized (401)")), TokenRefused)
    html = caused(InvalidToken("Not Found"), TelegramError("Invalid server response"))
    assert isinstance(classify(html), TokenRefused)


def test_a_reason_is_short() -> None:
    outcome = classify(BadRequest("x" * 10_000))
    assert isinstance(outcome, MessageRefused)
    assert len(outcome.reason) < 300
