"""A value that is kept elsewhere and read anew now and then, without holding up those who need it.

While it is younger than half of `kept_seconds` it is given as it is. From then on one thread reads
it anew, and everybody else goes on with the known value. Only when that is older than
`kept_seconds` do they wait, all for the same reading, `limit_seconds` at most. While reading fails
nobody waits: the last value serves, and `retry_seconds` go by between the attempts.
"""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from shared.process.structured_logs import get_logger

Value = TypeVar("Value")

_log = get_logger(__name__)


class Refreshed(Generic[Value]):
    """The last value that `read` returned; safe for use by many threads."""

    def __init__(
        self,
        what: str,
        read: Callable[[], Value],
        *,
        kept_seconds: float,
        retry_seconds: float,
        limit_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._read = read
        self._kept_seconds = kept_seconds
        self._retry_seconds = retry_seconds
        self._limit_seconds = limit_seconds
        self._clock = clock
        self._lock = threading.Lock()  # never held while reading
        self._known: tuple[Value, float] | None = None
        self._reading: threading.Event | None = None
        self._tried_at = float("-inf")
        self._fails = False

    def current(self) -> Value | None:
        """Return the value; None when it could never be read."""
        age_seconds = self._age_seconds()
        if age_seconds >= self._kept_seconds / 2:
            reading = self._begin(older_than_seconds=self._kept_seconds / 2)
            if age_seconds >= self._kept_seconds:
                self._wait(reading)
        return self._value()

    def newer(self) -> Value | None:
        """Return the value read anew, unless that was done in the last `retry_seconds`."""
        self._wait(self._begin(older_than_seconds=self._retry_seconds))
        return self._value()

    def read_now(self) -> Value:
        """Read the value in this thread; raises what `read` raises."""
        asked_at = self._clock()
        value = self._read()
        with self._lock:
            if self._known is None or self._known[1] <= asked_at:
                self._known = (value, asked_at)
                self._fails = False
        return value

    def _value(self) -> Value | None:
        known = self._known
        return None if known is None else known[0]

    def _age_seconds(self) -> float:
        known = self._known
        return float("inf") if known is None else self._clock() - known[1]

    def _begin(self, *, older_than_seconds: float) -> threading.Event | None:
        """Have a thread read, if none does; return what its end is known by.

        A reading that has not ended in time counts as failed, so that another can follow.
        """
        with self._lock:
            tried_before_seconds = self._clock() - self._tried_at
            if self._reading is not None:
                if tried_before_seconds <= self._limit_seconds:
                    return self._reading
                self._fails = True
            if self._age_seconds() < older_than_seconds:
                return None
            if self._fails and tried_before_seconds < self._retry_seconds:
                return None
            self._tried_at = self._clock()
            self._reading = threading.Event()
            threading.Thread(target=self._try, args=(self._reading,), daemon=True).start()
            return self._reading

    def _wait(self, reading: threading.Event | None) -> None:
        if reading is not None and not self._fails and not reading.wait(self._limit_seconds):
            self._fails = True

    def _try(self, reading: threading.Event) -> None:
        try:
            self.read_now()
        except Exception as error:
            self._fails = True
            _log.warning("not read anew", what=self._what, reason=repr(error))
        finally:
            with self._lock:
                if self._reading is reading:
                    self._reading = None
            reading.set()
