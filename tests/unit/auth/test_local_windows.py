"""Limits while Redis is away: the same rules, in this process."""

import pytest

from services.auth import local_window
from services.auth.local_window import LocalWindows


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def windows(clock: Clock) -> LocalWindows:
    return LocalWindows(limit=2, span_seconds=60, provisional_seconds=10, clock=clock)


def test_as_many_pass_as_the_limit_says(windows: LocalWindows) -> None:
    assert [windows.take("key", name) for name in "abc"] == [0, 0, 60_000]


def test_every_key_has_a_window_of_its_own(windows: LocalWindows) -> None:
    assert [windows.take(key, "a") for key in ("x", "y", "z")] == [0, 0, 0]


def test_the_window_slides(windows: LocalWindows, clock: Clock) -> None:
    windows.take("key", "a")
    clock.seconds += 50
    windows.take("key", "b")
    assert windows.take("key", "c") == 10_000
    clock.seconds += 10

    assert windows.take("key", "c") == 0
    assert windows.take("key", "d") == 50_000


def test_provisional_entries_leave_it_undecided(windows: LocalWindows) -> None:
    windows.take("key", "?a")
    windows.take("key", "b")

    assert windows.take("key", "c") == -1


def test_a_place_given_back_is_free(windows: LocalWindows) -> None:
    windows.take("key", "?a")
    windows.take("key", "?b")
    windows.give_back("key", "?a")
    windows.give_back("key", "?never there")

    assert windows.take("key", "c") == 0


def test_a_settled_place_stays_taken_for_the_whole_span(
    windows: LocalWindows, clock: Clock
) -> None:
    for name in ("?a", "?b"):
        windows.take("key", name)
        windows.settle("key", name)
    clock.seconds += 59

    assert windows.take("key", "c") == 1000


def test_a_place_that_is_never_settled_is_free_again_soon(
    windows: LocalWindows, clock: Clock
) -> None:
    windows.take("key", "?a")
    windows.take("key", "?b")
    clock.seconds += 10

    assert windows.take("key", "c") == 0


def test_windows_that_have_emptied_do_not_fill_the_memory(
    windows: LocalWindows, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_window, "_MANY_WINDOWS", 3)
    for key in ("x", "y", "z"):
        windows.take(key, "a")
        clock.seconds += 25
    windows.take("new", "a")

    assert set(windows._windows) == {"y", "z", "new"}
