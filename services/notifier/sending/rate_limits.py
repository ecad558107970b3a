"""Telegram's limits, kept by all replicas together through Redis and by Redis' clock.

In any time T at most `burst + T / interval` requests pass: 30 in any second for the bot, one a
second for a chat. A 429 silences every replica for as long as Telegram says.
"""

from datetime import timedelta

from redis.asyncio import Redis

from services.notifier.metrics import PAUSES
from services.notifier.redis_scripts import KEY_PREFIX, read_script

ALL_CHATS_INTERVAL_MS = 40
ALL_CHATS_BURST = 5
PRIVATE_CHAT_INTERVAL_MS = 1000
PRIVATE_CHAT_BURST = 1
# A group's id is negative; Telegram allows 20 messages a minute there.
GROUP_INTERVAL_MS = 3500
GROUP_BURST = 2
# Telegram counts in whole seconds of its own clock.
_PAUSE_MARGIN_MS = 100

PAUSE_KEY = f"{KEY_PREFIX}:rate:pause"


class SendLimits:
    """Asks for leave to send one message."""

    def __init__(self, client: Redis) -> None:
        self._acquire = client.register_script(read_script("acquire_send"))
        self._pause = client.register_script(read_script("pause_sends"))

    async def acquire(self, chat_id: int) -> float:
        """Return 0 when one message may be sent to the chat now, else the seconds to wait."""
        interval_ms, burst = (
            (PRIVATE_CHAT_INTERVAL_MS, PRIVATE_CHAT_BURST)
            if chat_id > 0
            else (GROUP_INTERVAL_MS, GROUP_BURST)
        )
        wait_ms = await self._acquire(
            keys=[PAUSE_KEY, f"{KEY_PREFIX}:rate:all", f"{KEY_PREFIX}:rate:chat:{chat_id}"],
            args=[ALL_CHATS_INTERVAL_MS, ALL_CHATS_BURST, interval_ms, burst],
        )
        return int(wait_ms) / 1000

    async def pause(self, silence: timedelta) -> None:
        """Let nothing pass in any replica for this time."""
        PAUSES.inc()
        pause_ms = round(silence.total_seconds() * 1000) + _PAUSE_MARGIN_MS
        await self._pause(keys=[PAUSE_KEY], args=[pause_ms])
