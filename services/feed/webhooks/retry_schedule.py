"""When a message that was not taken is tried again: over about three days (Standard Webhooks)."""

import random
from datetime import datetime, timedelta

from services.feed.webhooks.sending import Attempt

# Before the second try, the third, and so on.
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MOST_ATTEMPTS = len(PAUSES) + 1
# So long nothing but failure: the endpoint is switched off.
FAILING_LIMIT = timedelta(days=5)
_LONGEST_PAUSE = timedelta(hours=24)
_JITTER = 0.1


def pause_after(attempt_number: int, attempt: Attempt) -> timedelta:
    """Return how long to wait after a failed try; at least as long as the endpoint asks for."""
    planned = PAUSES[attempt_number - 1] * random.uniform(1, 1 + _JITTER)  # noqa: S311 - no secret
    asked = timedelta(seconds=attempt.retry_after or 0)
    return max(planned, min(asked, _LONGEST_PAUSE))


def has_failed_too_long(failing_since: datetime, now: datetime) -> bool:
    """Whether an endpoint that has only failed since then is to be switched off."""
    return now - failing_since >= FAILING_LIMIT
