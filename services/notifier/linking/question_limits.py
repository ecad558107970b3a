"""At most 3 link questions in any hour for one account, and for one chat, however many ask at once.

A refused question counts for neither. Nobody can use the bot to pester a stranger's chat.
"""

import math
import uuid

from redis import Redis

from services.notifier.redis_scripts import KEY_PREFIX, read_script

QUESTIONS_AN_HOUR = 3
_HOUR_MS = 3_600_000


class QuestionLimits:
    """Counts the questions of the last hour in Redis."""

    def __init__(self, client: Redis) -> None:
        self._acquire = client.register_script(read_script("acquire_question"))

    def acquire(self, account_id: str, chat_id: int) -> int:
        """Return 0 when one more question may be asked, else the whole seconds to wait."""
        wait_ms = self._acquire(
            keys=[
                f"{KEY_PREFIX}:questions:account:{account_id}",
                f"{KEY_PREFIX}:questions:chat:{chat_id}",
            ],
            args=[QUESTIONS_AN_HOUR, _HOUR_MS, uuid.uuid4().hex],
        )
        return math.ceil(int(wait_ms) / 1000)
