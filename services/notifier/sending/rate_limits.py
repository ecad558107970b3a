"""Telegram's limits, kept by all replicas together through Redis and by Redis' clock.

A turn is booked, not queued for: the bot has a turn every 40 ms, a chat one a second, and a message
gets the first that suits both. So at most 26 turns begin in any second, where Telegram allows 30,
and a chat with many messages takes no turn of the bot before its own.

Answers to presses take none of these turns, as Telegram does not count them: they have turns of
their own, four a second for a chat, so whoever presses without end holds up nobody.

A 429 silences the chat it was for; when several chats get one at a time, Telegram means the bot.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from redis.asyncio import Redis

from services.notifier.metrics import PAUSES
from services.notifier.redis_scripts import KEY_PREFIX, read_script

TURN_MS = 40
CHAT_INTERVAL_MS = 1000
ANSWER_INTERVAL_MS = 250
# Telegram counts in whole seconds of its own clock.
_PAUSE_MARGIN_MS = 100
# So many chats refused within so much time are no accident of one chat.
CHATS_THAT_MEAN_THE_BOT = 3
_REFUSALS_WINDOW_MS = 5000

_PREFIX = f"{KEY_PREFIX}:rate"
PAUSE_KEY = f"{_PREFIX}:pause"
_TURNS_KEY = f"{_PREFIX}:turns"
_ANSWER_TURNS_KEY = f"{_PREFIX}:answer-turns"
_REFUSED_CHATS_KEY = f"{_PREFIX}:refused-chats"


@dataclass(frozen=True, slots=True)
class Turn:
    """A booked turn: its beginning on the event loop's clock, and whether that was at once."""

    begins_at: float
    was_at_once: bool

    def seconds_left(self) -> float:
        """Return the time until it begins; negative when it has begun."""
        return self.begins_at - asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True)
class NoTurn:
    """Nothing was booked: the chat, or all, have to be silent for `wait_seconds`."""

    wait_seconds: float


class SendLimits:
    """Gives turns to send one message."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._book = client.register_script(read_script("book_turn"))
        self._pause_chat = client.register_script(read_script("pause_chat"))
        self._pause_bot = client.register_script(read_script("pause_bot"))

    async def book(self, chat_id: int, longest_wait_seconds: float) -> Turn | NoTurn:
        """Book a turn for the chat, unless the chat itself has to wait longer than that."""
        keys = _TURNS_KEY, f"{_PREFIX}:chat:{chat_id}"
        return await self._book_turn(chat_id, keys, CHAT_INTERVAL_MS, longest_wait_seconds)

    async def book_answer(self, chat_id: int) -> Turn | NoTurn:
        """Book a turn to answer a press, unless the chat has to wait for it."""
        keys = _ANSWER_TURNS_KEY, f"{_PREFIX}:answers:{chat_id}"
        return await self._book_turn(chat_id, keys, ANSWER_INTERVAL_MS, 0)

    async def _book_turn(
        self, chat_id: int, keys: tuple[str, str], interval_ms: int, longest_wait_seconds: float
    ) -> Turn | NoTurn:
        booked, wait_ms = await self._book(
            keys=[PAUSE_KEY, _pause_key(chat_id), *keys],
            args=[TURN_MS, interval_ms, round(longest_wait_seconds * 1000)],
        )
        wait_seconds = int(wait_ms) / 1000
        if not booked:
            return NoTurn(wait_seconds)
        return Turn(asyncio.get_running_loop().time() + wait_seconds, was_at_once=not wait_ms)

    async def is_silenced(self, chat_id: int) -> bool:
        """Whether the chat or the bot has been silenced, maybe after a turn was booked."""
        return bool(await self._redis.exists(PAUSE_KEY, _pause_key(chat_id)))

    async def pause_chat(self, chat_id: int, silence: timedelta) -> None:
        """Obey a 429: send nothing to this chat for a time; nothing at all when it is for all."""
        PAUSES.inc()
        await self._pause_chat(
            keys=[PAUSE_KEY, _pause_key(chat_id), _REFUSED_CHATS_KEY],
            args=[chat_id, _pause_ms(silence), _REFUSALS_WINDOW_MS, CHATS_THAT_MEAN_THE_BOT],
        )

    async def pause_bot(self, silence: timedelta) -> None:
        """Send nothing in any replica for this time."""
        PAUSES.inc()
        await self._pause_bot(keys=[PAUSE_KEY], args=[_pause_ms(silence)])


def _pause_key(chat_id: int) -> str:
    return f"{PAUSE_KEY}:{chat_id}"


def _pause_ms(silence: timedelta) -> int:
    return round(silence.total_seconds() * 1000) + _PAUSE_MARGIN_MS
