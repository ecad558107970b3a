"""Sliding windows in this process alone: what limits fall back to while Redis is away.

The memory is bounded: windows that have emptied are dropped once there are many.
"""

import threading
import time
from collections.abc import Callable

_MANY_WINDOWS = 10_000

_Window = dict[str, float]


class LocalWindows:
    """Windows by key; entries that start with "?" are provisional. Safe for many threads."""

    def __init__(
        self,
        limit: int,
        span_seconds: float,
        provisional_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._span_seconds = span_seconds
        self._provisional_seconds = provisional_seconds
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._lock = threading.Lock()

    def take(self, key: str, entry: str) -> float:
        """Take a place and return 0, or return the milliseconds until the oldest entry leaves.

        Returns -1 when only provisional entries are in the way.
        """
        instant = self._clock()
        with self._lock:
            if len(self._windows) >= _MANY_WINDOWS:
                self._drop_emptied(instant)
            window = self._current(self._windows.get(key, {}), instant)
            self._windows[key] = window
            settled = [taken for name, taken in window.items() if not name.startswith("?")]
            if len(settled) >= self._limit:
                return (min(settled) + self._span_seconds - instant) * 1000
            if len(window) >= self._limit:
                return -1
            window[entry] = instant
            return 0

    def settle(self, key: str, entry: str) -> None:
        """Make a provisional entry count."""
        with self._lock:
            window = self._windows.setdefault(key, {})
            window[entry.removeprefix("?")] = window.pop(entry, self._clock())

    def give_back(self, key: str, entry: str) -> None:
        """Remove an entry."""
        with self._lock:
            self._windows.get(key, {}).pop(entry, None)

    def _current(self, window: _Window, instant: float) -> _Window:
        def lasts_seconds(entry: str) -> float:
            return self._provisional_seconds if entry.startswith("?") else self._span_seconds

        return {
            entry: taken
            for entry, taken in window.items()
            if instant - taken < lasts_seconds(entry)
        }

    def _drop_emptied(self, instant: float) -> None:
        current = ((key, self._current(window, instant)) for key, window in self._windows.items())
        self._windows = {key: window for key, window in current if window}
