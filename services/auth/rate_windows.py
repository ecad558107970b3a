"""At most N in any span of time, counted in the database for all replicas together.

Taking a place is one statement on one row: N parallel requests cannot slip through a window that
has room for one. What is refused is not counted, so a window always opens again. A held place is
counted or given back later, and lapses early when its process died. Time is PostgreSQL's own: the
replicas' clocks do not matter. The table is unlogged, which saves the flush of each commit: counts
do not survive a crash of PostgreSQL.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, TextClause, text

HELD_FOR = timedelta(seconds=10)

_COUNTED = "ARRAY(SELECT at FROM unnest(w.counted) at WHERE at > clock_timestamp() - :span)"
_HELD = "ARRAY(SELECT at FROM unnest(w.held) at WHERE at > clock_timestamp() - :held_for)"


def _take(counted: str, held: str) -> TextClause:
    """Return the statement that adds to one of the two; no row comes of it when all is taken."""
    return text(f"""
        INSERT INTO rate_windows AS w (subject, counted, held, lapses_at)
        VALUES (:subject, ARRAY[{counted}]::timestamptz[], ARRAY[{held}]::timestamptz[],
            clock_timestamp() + :span)
        ON CONFLICT (subject) DO UPDATE SET
            counted = {_COUNTED} || ARRAY[{counted}]::timestamptz[],
            held = {_HELD} || ARRAY[{held}]::timestamptz[],
            lapses_at = clock_timestamp() + :span
        WHERE cardinality({_COUNTED}) + cardinality({_HELD}) < :most
        RETURNING held[cardinality(held)]
    """)  # noqa: S608 - of constants


_COUNT = _take("clock_timestamp()", "")
_HOLD = _take("", "clock_timestamp()")
_WAIT = text(f"""
    SELECT extract(epoch FROM live.counted[1] + :span - clock_timestamp())
    FROM (SELECT {_COUNTED} AS counted FROM rate_windows w WHERE subject = :subject) AS live
    WHERE cardinality(live.counted) >= :most
""")  # noqa: S608 - of constants
_SETTLE = text("""
    UPDATE rate_windows SET counted = counted || :at, held = array_remove(held, :at)
    WHERE subject = :subject
""")
_GIVE_BACK = text("UPDATE rate_windows SET held = array_remove(held, :at) WHERE subject = :subject")


class LimitReached(Exception):
    """The window is full; it has room again after `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"too many requests; try again in {retry_after_seconds} seconds")
        self.retry_after_seconds = retry_after_seconds


class Undecided(Exception):
    """Only held places fill the window: look again in a moment."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A place that is held until it is known whether to count it."""

    subject: str
    at: datetime


class RateWindow:
    """One kind of limit; each subject has a window of its own."""

    def __init__(self, engine: Engine, name: str, *, limit: int, span_seconds: int) -> None:
        # A statement is a transaction: nothing waits for a COMMIT.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._name = name
        span = timedelta(seconds=span_seconds)
        self._options = {"most": limit, "span": span, "held_for": HELD_FOR}

    def count(self, subject: str) -> None:
        """Count one for good. Raises LimitReached."""
        try:
            self._enter(_COUNT, f"{self._name}:{subject}")
        except Undecided:
            raise LimitReached(1) from None

    def hold(self, subject: str) -> Hold:
        """Hold a place. Raises LimitReached, or Undecided when others hold the last places."""
        key = f"{self._name}:{subject}"
        return Hold(key, self._enter(_HOLD, key))

    def settle(self, hold: Hold) -> None:
        """Count a place that was held."""
        self._change(_SETTLE, hold)

    def give_back(self, hold: Hold) -> None:
        """Free a place that was held."""
        self._change(_GIVE_BACK, hold)

    def _enter(self, take: TextClause, subject: str) -> Any:
        parameters = {"subject": subject, **self._options}
        with self._engine.connect() as connection:
            taken = connection.execute(take, parameters).first()
            if taken is not None:
                return taken[0]
            wait_seconds = connection.scalar(_WAIT, parameters)
        if wait_seconds is None:
            raise Undecided
        raise LimitReached(max(1, math.ceil(wait_seconds)))

    def _change(self, statement: TextClause, hold: Hold) -> None:
        with self._engine.connect() as connection:
            connection.execute(statement, {"subject": hold.subject, "at": hold.at})
