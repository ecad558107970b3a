"""How long a message type rests that finds no queue."""

import pytest

from shared.outbox import unroutable
from shared.outbox.unroutable import LONGEST_PAUSE_SECONDS, UnroutableTypes


class Clock:
    def __init__(self) -> None:
        self.at = 100.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(unroutable, "time", clock)
    return clock


def test_it_rests_longer_each_time_up_to_a_limit(clock: Clock) -> None:
    types = UnroutableTypes()
    pauses = []
    for _ in range(7):
        pause = types.rest("a")
        assert pause is not None
        assert types.resting() == {"a"}
        pauses.append(pause)
        clock.at += pause
        assert types.resting() == set()
    assert pauses == [1, 2, 4, 8, 16, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS]


def test_the_others_of_one_batch_do_not_make_the_rest_longer(clock: Clock) -> None:
    types = UnroutableTypes()
    assert types.rest("a") == 1
    assert types.rest("a") is None
    clock.at += 1
    assert types.rest("a") == 2


def test_once_it_has_found_a_queue_it_begins_anew(clock: Clock) -> None:
    types = UnroutableTypes()
    types.rest("a")
    clock.at += 1
    types.found_queue("a")
    assert types.rest("a") == 1
