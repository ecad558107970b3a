"""Accounts whose chat has more reminders waiting than it may get, as far as this process knows.

Such reminders come again and again until it is their turn. To look each of them up and to ask for
a turn in vain would take the time of the others, so they are sent back unread for a while. A place
in the queue means nothing then: they come back at random, about one for each turn of the chat.
"""

import random
import time

# From five seconds to a minute: the longer they are, the less they cost.
_DELAYS_SECONDS = (5, 60)


class CrowdedAccounts:
    """Remembers, for a short time each, accounts that have to wait."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def note(self, account_id: str, wait_seconds: float) -> None:
        """Note that nothing can be sent to the account's chat for some time."""
        at = time.monotonic()
        self._until = {each: until for each, until in self._until.items() if until > at}
        self._until[account_id] = at + wait_seconds

    def contains(self, account_id: str) -> bool:
        """Whether the account still has to wait."""
        return self._until.get(account_id, 0) > time.monotonic()


def delay_seconds() -> float:
    """Return when a reminder that was not looked at is to come again: at random."""
    return random.uniform(*_DELAYS_SECONDS)  # noqa: S311 - no secret
