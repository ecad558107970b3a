"""What the checker calls too fast, and what it lets pass."""

import pytest

from tests.faults.sending_rates import (
    MOST_AHEAD_IN_A_CHAT,
    most_ahead,
    most_ahead_by_chat,
    most_in_a_second,
)


@pytest.mark.parametrize(
    ("instants", "most"),
    [
        ([], 0),
        ([5.0], 1),
        ([0.0, 1.0, 2.0], 1),
        ([0.0, 0.5, 0.99, 1.0], 3),
        ([number / 32 for number in range(100)], 32),
    ],
)
def test_the_busiest_second_is_found_wherever_it_begins(instants: list[float], most: int) -> None:
    assert most_in_a_second(reversed(instants)) == most


def test_one_message_a_second_is_never_ahead() -> None:
    assert most_ahead(map(float, range(100))) == 0


def test_a_slightly_early_message_is_let_pass_and_a_steady_excess_is_not() -> None:
    assert most_ahead([0.0, 0.9, 2.0, 2.9, 4.0]) < MOST_AHEAD_IN_A_CHAT
    assert most_ahead(number * 0.8 for number in range(30)) > MOST_AHEAD_IN_A_CHAT


def test_a_burst_in_one_chat_is_not_hidden_by_silence_in_others() -> None:
    burst = [{"chat_id": "1", "received_at_seconds": 100.0} for _ in range(5)]
    calm = [{"chat_id": "2", "received_at_seconds": float(number)} for number in range(50)]
    assert most_ahead_by_chat(burst + calm) == {"1": 4, "2": 0}
