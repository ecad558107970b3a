"""Writes into the message's record what Telegram's answer means, and obeys it for all replicas.

Each mark is tried for a while when Redis is away. When even that fails, the caller still has the
outcome for the ledger; the record then ends as unknown, never as a second message.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import assert_never

from redis import RedisError

from services.notifier.metrics import TELEGRAM_TOKEN_REFUSED
from services.notifier.sending.message_states import Claim, Refusal, Settled
from services.notifier.sending.once_each import OnceEach
from services.notifier.sending.rate_limits import SendLimits
from services.notifier.sending.send_ends import AttemptEnd, Moved, NotYet, done, refused, unknown
from services.notifier.telegram.errors import (
    Accepted,
    Ambiguous,
    ChatMoved,
    ChatRefused,
    MessageRefused,
    NotSent,
    Outcome,
    TokenRefused,
    TooManyRequests,
)
from shared.process.stop_budget import MARK_SECONDS
from shared.process.structured_logs import get_logger

MARK_LIMIT_SECONDS = float(MARK_SECONDS)
TOKEN_REFUSED_PAUSE = timedelta(seconds=30)
_NOT_SENT_DELAYS_SECONDS = (1, 5, 5, 30)

_log = get_logger(__name__)


class SendMarks:
    """Marks the ends of requests to Telegram."""

    def __init__(self, once_each: OnceEach, limits: SendLimits) -> None:
        self._once_each = once_each
        self._limits = limits
        self.token_is_accepted = True

    async def conclude(  # noqa: PLR0911 - one for each outcome
        self, claim: Claim, outcome: Outcome
    ) -> AttemptEnd:
        """Mark the claimed message according to the answer; never raises a Redis error."""
        self.token_is_accepted = not isinstance(outcome, TokenRefused)
        TELEGRAM_TOKEN_REFUSED.set(not self.token_is_accepted)
        match outcome:
            case Accepted(telegram_message_id):
                await persist(lambda: self._once_each.settle_done(claim, telegram_message_id))
                return done(claim, telegram_message_id)
            case Ambiguous(reason):
                await persist(lambda: self._once_each.settle_unknown(claim, reason))
                return unknown(claim, reason)
            case ChatRefused(reason):
                return await self._refuse(claim, "chat_gone", reason)
            case MessageRefused(reason):
                _log.error("telegram refused a message", reason=reason)
                return await self._refuse(claim, "refused", reason)
            case ChatMoved(new_chat_id):
                await self.release(claim, "the chat has moved")
                return Moved(new_chat_id)
            case TooManyRequests(silence):
                return await self._pause(claim, silence, "429 from Telegram")
            case TokenRefused(reason):
                _log.error("telegram does not accept the bot's token", reason=reason)
                return await self._pause(claim, TOKEN_REFUSED_PAUSE, reason)
            case NotSent(reason):
                await self.release(claim, reason)
                return NotYet(_delay_seconds(claim.attempt), reason)
            case _:
                assert_never(outcome)

    async def release(self, claim: Claim, reason: str) -> None:
        """Let the message be tried again: it has surely not been sent."""
        await persist(lambda: self._once_each.release(claim, reason))

    async def _refuse(self, claim: Claim, outcome: Refusal, reason: str) -> Settled:
        await persist(lambda: self._once_each.settle_refused(claim, outcome, reason))
        return refused(claim, outcome, reason)

    async def _pause(self, claim: Claim, silence: timedelta, reason: str) -> NotYet:
        await persist(lambda: self._limits.pause(silence))
        await self.release(claim, reason)
        return NotYet(silence.total_seconds(), reason)


async def persist(mark: Callable[[], Awaitable[object]]) -> None:
    """Write a mark, again and again for `MARK_LIMIT_SECONDS` when Redis is away."""
    try:
        async with asyncio.timeout(MARK_LIMIT_SECONDS):
            while True:
                try:
                    await mark()
                except RedisError as error:
                    _log.warning("mark not written, trying again", reason=repr(error))
                    await asyncio.sleep(0.5)
                else:
                    return
    except TimeoutError:
        _log.error("mark not written: redis is away")


def _delay_seconds(attempt: int) -> float:
    return _NOT_SENT_DELAYS_SECONDS[min(attempt, len(_NOT_SENT_DELAYS_SECONDS)) - 1]
