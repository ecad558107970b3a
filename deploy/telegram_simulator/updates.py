"""The bot's updates in order, kept until it confirms them: pure state.

Confirming is asking for a later offset, or answering 2xx to the webhook. Ids go up by one and are
never used twice, not even after a restart without saved state: they start at the Unix time, so
that a bot that remembers which updates it has handled does not take new ones for old.
"""

from collections import deque
from collections.abc import Collection
from typing import Any, Literal

UpdateKind = Literal["message", "callback_query", "my_chat_member"]


class UpdateQueue:
    """What the bot has not confirmed yet, oldest first."""

    def __init__(self, first_id: int) -> None:
        self.next_id = first_id
        self.allowed: Collection[str] = ()
        self._pending: deque[dict[str, Any]] = deque()

    def add(self, kind: UpdateKind, content: dict[str, Any]) -> None:
        """Queue an update, unless the bot said that it does not want this kind."""
        if self.allowed and kind not in self.allowed:
            return
        self._pending.append({"update_id": self.next_id, kind: content})
        self.next_id += 1

    def restore(self, pending: Collection[dict[str, Any]]) -> None:
        self._pending.extend(pending)

    def pending(self, limit: int | None = None) -> list[dict[str, Any]]:
        return list(self._pending)[:limit]

    def confirm_before(self, offset: int) -> bool:
        """Forget what is older than the offset; a negative one keeps only that many newest.

        Return True when something was forgotten.
        """
        before = len(self._pending)
        if offset < 0:
            while len(self._pending) > -offset:
                self._pending.popleft()
        while self._pending and self._pending[0]["update_id"] < offset:
            self._pending.popleft()
        return len(self._pending) < before

    def clear(self) -> None:
        self._pending.clear()

    def __len__(self) -> int:
        return len(self._pending)
