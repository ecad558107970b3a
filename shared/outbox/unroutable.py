"""What no queue takes is tried again after growing pauses, one message type at a time."""

import time
from dataclasses import dataclass

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0


@dataclass(slots=True)
class _Pause:
    seconds: float
    ends_at: float


class UnroutableTypes:
    """Remembers which routing keys found no queue, and until when they rest."""

    def __init__(self) -> None:
        self._pauses: dict[str, _Pause] = {}

    def resting(self) -> set[str]:
        """Return the routing keys that are not to be tried now."""
        at = time.monotonic()
        return {key for key, pause in self._pauses.items() if pause.ends_at > at}

    def rest(self, routing_key: str) -> float | None:
        """Have a routing key rest, longer each time; return how long, None if it does already."""
        at = time.monotonic()
        earlier = self._pauses.get(routing_key)
        if earlier is not None and earlier.ends_at > at:
            return None
        seconds = FIRST_PAUSE_SECONDS
        if earlier is not None:
            seconds = min(2 * earlier.seconds, LONGEST_PAUSE_SECONDS)
        self._pauses[routing_key] = _Pause(seconds, at + seconds)
        return seconds

    def found_queue(self, routing_key: str) -> None:
        """Forget that it was unroutable."""
        self._pauses.pop(routing_key, None)
