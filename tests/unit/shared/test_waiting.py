"""Waiting for a server: how long, how often, and what is said meanwhile."""

import asyncio

import pytest
from structlog.testing import capture_logs

from shared.process import waiting
from shared.process.waiting import wait_for, wait_for_async


class Clock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


def never() -> None:
    raise OSError("still down")


def test_waiting_ends_with_success_or_with_the_last_error() -> None:
    answers = iter(["not yet", "not yet", "up"])

    def attempt() -> str:
        answer = next(answers)
        if answer != "up":
            raise OSError(answer)
        return answer

    assert wait_for("a server", attempt, (OSError,), limit_seconds=10) == "up"

    with pytest.raises(OSError, match="still down"):
        wait_for("a server", never, (OSError,), limit_seconds=0.3)


def test_a_server_that_returns_is_found_within_about_a_second(clock: Clock) -> None:
    with pytest.raises(OSError, match="still down"):
        wait_for("a server", never, (OSError,), limit_seconds=60)
    assert clock.pauses[0] < 0.5
    assert max(clock.pauses) <= 1
    assert sum(clock.pauses) > 58


def test_what_is_waited_for_is_said_at_once_and_then_every_few_seconds(clock: Clock) -> None:
    with capture_logs() as said, pytest.raises(OSError, match="still down"):
        wait_for("a server", never, (OSError,), limit_seconds=60)
    assert said[0]["server"] == "a server"
    assert said[0]["reason"] == "still down"
    assert 6 <= len(said) <= 13


async def test_an_end_of_waiting_can_be_awaited_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_FIRST_PAUSE_SECONDS", 0.001)
    failures = [OSError("down"), OSError("down")]

    async def attempt() -> str:
        if failures:
            raise failures.pop()
        return "up"

    with capture_logs() as said:
        assert await asyncio.wait_for(wait_for_async("a server", attempt, (OSError,)), 10) == "up"
    assert len(said) == 1
