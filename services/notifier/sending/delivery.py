"""Sends one message to Telegram, once: limits -> claim -> point of no return -> send -> mark.

The limits come before the claim, so that no lease burns while waiting. From the claim on, the work
runs in a task of its own: the loss of the broker's connection cancels the handler, and must not
leave a request to Telegram without its mark. Whoever gets the message next reads the mark.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from redis import RedisError

from services.notifier.metrics import RATE_LIMIT_WAIT
from services.notifier.sending.message_states import Busy, Claim, Message, Refusal, Settled, Unknown
from services.notifier.sending.once_each import OnceEach
from services.notifier.sending.rate_limits import SendLimits
from services.notifier.sending.send_ends import AttemptEnd, NotYet, count_end, refused
from services.notifier.sending.send_marks import SendMarks
from services.notifier.telegram.client import Button
from services.notifier.telegram.errors import Outcome
from shared.instants import now

# Longer waits go to a retry queue: a delivery held here is a place taken from the others.
LONGEST_WAIT_SECONDS = 2.0

_TOO_LATE = "its time has passed"


class TelegramSender(Protocol):
    """What of the Telegram client is needed here."""

    async def send_message(
        self, chat_id: int, text: str, buttons: Sequence[Button] = ()
    ) -> Outcome: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A message and where it goes; `kind` is for the metrics."""

    message: Message
    kind: str
    chat_id: int
    text: str
    buttons: tuple[Button, ...] = ()


class DeliveryDesk:
    """Delivers messages; keeps track of the requests under way."""

    def __init__(self, once_each: OnceEach, limits: SendLimits, telegram: TelegramSender) -> None:
        self._once_each = once_each
        self._limits = limits
        self._telegram = telegram
        self._marks = SendMarks(once_each, limits)
        self._under_way: set[asyncio.Task[AttemptEnd]] = set()

    async def deliver(self, envelope: Envelope) -> AttemptEnd:
        """Send, unless the message has ended already; after `not_after` it ends as expired.

        Raises redis.RedisError when Redis is away; then nothing has been sent.
        """
        message = envelope.message
        if (end := await self._once_each.look(message.identity)) is not None:
            return end
        if now() > message.not_after:
            return await self.end_unsent(message, envelope.kind, "expired", _TOO_LATE)
        if (too_long := await self._wait_for_limits(envelope.chat_id)) is not None:
            return too_long
        claim = await self._claim(message, envelope.kind)
        if not isinstance(claim, Claim):
            return claim
        task = asyncio.create_task(self._send(claim, envelope))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def end_unsent(
        self, message: Message, kind: str, outcome: Refusal, reason: str
    ) -> Settled | NotYet:
        """End a message for good without sending it, unless it has ended otherwise."""
        claim = await self._claim(message, kind)
        if not isinstance(claim, Claim):
            return claim
        return await self._end_claimed(claim, kind, outcome, reason)

    def token_is_accepted(self) -> bool:
        """Whether Telegram took the bot's token when it was last used."""
        return self._marks.token_is_accepted

    async def finish(self) -> None:
        """Wait for the requests under way, also those whose handlers are gone."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _wait_for_limits(self, chat_id: int) -> NotYet | None:
        """Wait for a place within Telegram's limits; NotYet when it would take too long."""
        waited_seconds = 0.0
        while (wait_seconds := await self._limits.acquire(chat_id)) > 0:
            if waited_seconds + wait_seconds > LONGEST_WAIT_SECONDS:
                RATE_LIMIT_WAIT.observe(waited_seconds)
                return NotYet(wait_seconds, "Telegram's limits")
            # Not all waiters at the same instant: they would fight for the one place.
            pause_seconds = wait_seconds + random.uniform(0, 0.02)  # noqa: S311 - no secret
            await asyncio.sleep(pause_seconds)
            waited_seconds += pause_seconds
        RATE_LIMIT_WAIT.observe(waited_seconds)
        return None

    async def _claim(self, message: Message, kind: str) -> Claim | Settled | NotYet:
        waited_seconds = 0.0
        while isinstance(answer := await self._once_each.claim(message), Busy):
            if waited_seconds >= LONGEST_WAIT_SECONDS:
                return NotYet(answer.wait_seconds, "another worker has it")
            pause_seconds = min(answer.wait_seconds + 0.01, 0.5)
            await asyncio.sleep(pause_seconds)
            waited_seconds += pause_seconds
        if isinstance(answer, Unknown) and answer.fresh:
            count_end(kind, answer)
        return answer

    async def _send(self, claim: Claim, envelope: Envelope) -> AttemptEnd:
        if now() > envelope.message.not_after:
            return await self._end_claimed(claim, envelope.kind, "expired", _TOO_LATE)
        try:
            begun = await self._once_each.begin_sending(claim)
        except RedisError:
            # Nothing has left yet, but the mark may be there: take it back, if Redis lets us.
            await self._marks.release(claim, "the mark was not confirmed")
            raise
        if not begun:
            return NotYet(1, "the claim was lost")
        outcome = await self._telegram.send_message(
            envelope.chat_id, envelope.text, envelope.buttons
        )
        end = await self._marks.conclude(claim, outcome)
        count_end(envelope.kind, end)
        return end

    async def _end_claimed(
        self, claim: Claim, kind: str, outcome: Refusal, reason: str
    ) -> Settled | NotYet:
        if not await self._once_each.settle_refused(claim, outcome, reason):
            return NotYet(1, "the claim was lost")
        end = refused(claim, outcome, reason)
        count_end(kind, end)
        return end
