"""Telegram's limits, read off what reached it: 30 messages a second, and one in a single chat."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST_A_SECOND = 30
# Two requests that left a second apart may arrive closer; a Redis that has lost its records lets
# one more pass than it should.
MOST_AHEAD_IN_A_CHAT = 2.0


def most_in_a_second(instants: Iterable[float]) -> int:
    """Return the largest number of requests in any second."""
    times = sorted(instants)
    most = begin = 0
    for end, instant in enumerate(times):
        while times[begin] <= instant - 1:
            begin += 1
        most = max(most, end - begin + 1)
    return most


def most_ahead(instants: Iterable[float]) -> float:
    """Return by how many requests, at worst, a chat was ahead of one a second.

    A leaky bucket: each request fills it by one, each second empties it by one.
    """
    level, worst, before = 0.0, 0.0, float("-inf")
    for instant in sorted(instants):
        level = max(0.0, level - (instant - before)) + 1
        worst, before = max(worst, level - 1), instant
    return worst


def most_ahead_by_chat(requests: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return `most_ahead` of each chat that was written to."""
    times: dict[str, list[float]] = defaultdict(list)
    for request in requests:
        if request["chat_id"] is not None:
            times[request["chat_id"]].append(request["received_at_seconds"])
    return {chat: most_ahead(instants) for chat, instants in times.items()}
