"""A value that is read anew: who waits for it, who does not, and how often it is read."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from shared.refreshed import Refreshed

KEPT, RETRY, LIMIT = 60.0, 5.0, 3.0
SOON = 20.0


@dataclass
class Clock:
    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Source:
    """Counts how often it is read; may hang, may be broken."""

    value: int = 1
    broken: bool = False
    reads: int = 0
    asked: threading.Event = field(default_factory=threading.Event)
    answers: threading.Event = field(default_factory=threading.Event)

    def read(self) -> int:
        self.reads += 1
        self.asked.set()
        assert self.answers.wait(SOON)
        if self.broken:
            raise OSError("away")
        return self.value

    def hang(self) -> None:
        self.asked.clear()
        self.answers.clear()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source() -> Iterator[Source]:
    source = Source()
    source.answers.set()
    yield source
    source.answers.set()


def refreshed(source: Source, clock: Clock, limit_seconds: float = LIMIT) -> Refreshed[int]:
    return Refreshed(
        "number",
        source.read,
        kept_seconds=KEPT,
        retry_seconds=RETRY,
        limit_seconds=limit_seconds,
        clock=clock,
    )


def at_once(value: Refreshed[int], times: int = 8) -> list[int | None]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda _: value.current(), range(times)))


def test_a_young_value_is_not_read_again(source: Source, clock: Clock) -> None:
    value = refreshed(source, clock)
    assert [value.current() for _ in range(3)] == [1, 1, 1]
    clock.seconds += KEPT / 2 - 1
    assert value.current() == 1
    assert source.reads == 1


def test_an_ageing_value_is_read_once_by_one_thread_while_everybody_goes_on(
    source: Source, clock: Clock
) -> None:
    value = refreshed(source, clock)
    value.current()
    source.hang()
    clock.seconds += KEPT / 2 + 1

    assert at_once(value) == [1] * 8
    assert source.asked.wait(SOON)
    assert source.reads == 2


def test_an_old_value_is_waited_for_together(source: Source, clock: Clock) -> None:
    value = refreshed(source, clock, limit_seconds=SOON)
    value.current()
    source.hang()
    source.value = 2
    clock.seconds += KEPT + 1
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(value.current) for _ in range(8)]
        assert source.asked.wait(SOON)
        assert not any(answer.done() for answer in answers)
        source.answers.set()
        assert [answer.result() for answer in answers] == [2] * 8
    assert source.reads == 2


def test_who_waits_does_so_within_the_limit_and_nobody_does_after_that(
    source: Source, clock: Clock
) -> None:
    value = refreshed(source, clock, limit_seconds=0.1)
    value.current()
    source.hang()
    clock.seconds += KEPT + 1
    assert value.current() == 1
    clock.seconds += 0.05

    # With the usual limit this would take seconds, were anybody to wait.
    value._limit_seconds = SOON
    assert at_once(value) == [1] * 8
    assert source.reads == 2


def test_a_reading_that_never_ends_gives_way_to_another(source: Source, clock: Clock) -> None:
    value = refreshed(source, clock, limit_seconds=0.1)
    value.current()
    source.hang()
    clock.seconds += KEPT + 1
    value.current()
    source.asked.clear()
    clock.seconds += RETRY + 1
    value.current()
    assert source.asked.wait(SOON)
    assert source.reads == 3


def test_while_reading_fails_the_last_value_serves_and_attempts_are_rare(
    source: Source, clock: Clock
) -> None:
    value = refreshed(source, clock)
    value.current()
    source.broken = True
    clock.seconds += KEPT + 1
    assert at_once(value) == [1] * 8
    reads = source.reads
    for _ in range(20):
        assert value.current() == 1
    assert source.reads == reads
    source.broken, source.value = False, 2
    clock.seconds += RETRY
    deadline = time.monotonic() + SOON
    while value.current() == 1:
        assert time.monotonic() < deadline
    assert source.reads == reads + 1


def test_without_any_value_there_is_none(source: Source, clock: Clock) -> None:
    source.broken = True
    assert refreshed(source, clock).current() is None


def test_who_needs_a_newer_value_gets_it_but_not_all_the_time(source: Source, clock: Clock) -> None:
    value = refreshed(source, clock)
    value.current()
    source.value = 2
    assert value.newer() == 1
    clock.seconds += RETRY
    assert [value.newer() for _ in range(3)] == [2, 2, 2]
    assert source.reads == 2
