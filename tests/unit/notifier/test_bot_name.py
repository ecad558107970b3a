"""The bot's name is asked for rarely, also when Telegram is away."""

from typing import Any, Self

import pytest
from telegram.error import NetworkError

from services.notifier.telegram import bot_name
from services.notifier.telegram.bot_name import (
    CACHE_SECONDS,
    RETRY_SECONDS,
    CachedBotName,
    TelegramUnavailable,
)


class FakeTelegram:
    def __init__(self) -> None:
        self.asked = 0
        self.answer: str | Exception = "habit_bot"

    def __call__(self) -> Any:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def username(self) -> str:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(bot_name, "time", clock)
    return clock


def test_the_name_is_asked_once_an_hour(clock: Clock) -> None:
    telegram = FakeTelegram()
    name = CachedBotName(telegram)
    assert [name(), name()] == ["habit_bot", "habit_bot"]
    assert telegram.asked == 1
    clock.now += CACHE_SECONDS
    telegram.answer = "renamed_bot"
    assert name() == "renamed_bot"


def test_after_a_failure_nobody_waits_for_telegram_again_so_soon(clock: Clock) -> None:
    telegram = FakeTelegram()
    telegram.answer = NetworkError("away")
    name = CachedBotName(telegram)
    for _ in range(3):
        with pytest.raises(TelegramUnavailable):
            name()
    assert telegram.asked == 1
    clock.now += RETRY_SECONDS
    telegram.answer = "habit_bot"
    assert name() == "habit_bot"


def test_the_last_known_name_stays_good_while_telegram_is_away(clock: Clock) -> None:
    telegram = FakeTelegram()
    name = CachedBotName(telegram)
    name()
    telegram.answer = NetworkError("away")
    clock.now += CACHE_SECONDS
    assert name() == "habit_bot"
