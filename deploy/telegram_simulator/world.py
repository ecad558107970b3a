"""Everything that exists in the simulator; it lives in one event loop, so it needs no locks."""

import time
from dataclasses import dataclass, field

from deploy.telegram_simulator.changes import Changes
from deploy.telegram_simulator.chats import ChatBook
from deploy.telegram_simulator.faults import FaultQueue
from deploy.telegram_simulator.request_log import RequestLog
from deploy.telegram_simulator.telegram_shapes import JSON
from deploy.telegram_simulator.updates import UpdateQueue


@dataclass(slots=True)
class Webhook:
    """Where the bot wants its updates, and what went wrong there last."""

    url: str
    secret_token: str | None = None
    last_error_at: float | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Press:
    """A pressed button that the bot has not answered yet."""

    chat_id: int
    message_id: int
    callback_data: str


@dataclass(slots=True)
class World:
    """The bot, the chats, what the bot has still to hear, and what is to go wrong."""

    bot: JSON
    requests: RequestLog
    chats: ChatBook = field(default_factory=ChatBook)
    updates: UpdateQueue = field(default_factory=lambda: UpdateQueue(int(time.time())))
    faults: FaultQueue = field(default_factory=FaultQueue)
    changes: Changes = field(default_factory=Changes)
    presses: dict[str, Press] = field(default_factory=dict)
    menus: dict[str, list[JSON]] = field(default_factory=dict)
    webhook: Webhook | None = None

    def commands_for(self, language_code: str) -> list[JSON]:
        """Return the menu of private chats in a language, or the one for all other languages."""
        for scope in ('{"type": "all_private_chats"}', '{"type": "default"}'):
            for key in (f"{scope} {language_code}", scope):
                if self.menus.get(key):
                    return self.menus[key]
        return []

    def reset(self) -> None:
        """Forget people, messages, updates, faults and requests.

        What the bot itself has set (webhook, kinds of updates, commands) stays, since no bot sets
        it again; ids go on, since bots remember the ones they have seen.
        """
        self.chats.clear()
        self.updates.clear()
        self.presses.clear()
        self.faults.rules.clear()
        self.requests.clear()
        self.changes.announce()
