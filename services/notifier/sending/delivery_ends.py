"""What Telegram's answer means for the messages it was about: their end, written with its record.

The state, what the owner keeps of it and the events that tell of it are one transaction, which is
tried for a while when the database is away. When even that fails, the messages become unknown
though somebody knew, and never go out a second time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar, assert_never

from redis import RedisError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from services.notifier.metrics import SENDS, TELEGRAM_TOKEN_REFUSED, UNKNOWN
from services.notifier.sending import delivery_states
from services.notifier.sending.delivery_states import Ends, Outcome
from services.notifier.sending.envelopes import Envelope, NotYet, Owner
from services.notifier.sending.rate_limits import SendLimits
from services.notifier.telegram import errors
from shared.database import transaction
from shared.process.stop_budget import MARK_SECONDS
from shared.process.structured_logs import get_logger

# How long an end is tried to be written down; when the process stops, MARK_SECONDS.
MARK_LIMIT_SECONDS = 60.0

TOKEN_REFUSED_PAUSE = timedelta(seconds=30)
_NOT_SENT_DELAYS_SECONDS = (1, 5, 5, 30)
# While Telegram fails, each message it is asked to send may be lost: it is asked less and less.
_FAILURE_PAUSES_SECONDS = (1, 2, 5, 10, 30)

_Written = TypeVar("_Written")

_log = get_logger(__name__)


class DeliveryEnds:
    """Ends messages; `stopping` is set when the process stops."""

    def __init__(self, engine: Engine, limits: SendLimits, stopping: asyncio.Event) -> None:
        self._engine = engine
        self._limits = limits
        self._stopping = stopping
        self._failures_in_a_row = 0
        self.token_is_accepted = True

    async def of(  # noqa: PLR0911 - one for each outcome
        self, outcome: errors.Outcome, envelope: Envelope, owner: Owner, token: str, attempts: int
    ) -> Ends | NotYet:
        """End what was begun with `token` as the answer says; obey the answer in all replicas."""
        self._note_health(outcome)
        match outcome:
            case errors.Accepted(telegram_message_id):
                return await self._end(
                    envelope, owner, token, "sent", telegram_message_id=telegram_message_id
                )
            case errors.Ambiguous(reason):
                return await self._end(envelope, owner, token, "unknown", reason=reason)
            case errors.ServerFailed(reason):
                pause = _by_count(_FAILURE_PAUSES_SECONDS, self._failures_in_a_row)
                await _obey(self._limits.pause_bot(pause))
                return await self._end(envelope, owner, token, "unknown", reason=reason)
            case errors.ChatRefused(reason):
                return await self._end(envelope, owner, token, "chat_gone", reason=reason)
            case errors.MessageRefused(reason):
                _log.error("telegram refused a message", reason=reason)
                return await self._end(envelope, owner, token, "refused", reason=reason)
            case errors.TooManyRequests(silence):
                await _obey(self._limits.pause_chat(envelope.chat_id, silence))
                return await self._not_sent(envelope, token, silence, "429 from Telegram")
            case errors.TokenRefused(reason):
                _log.error("telegram does not accept the bot's token", reason=reason)
                await _obey(self._limits.pause_bot(TOKEN_REFUSED_PAUSE))
                return await self._not_sent(envelope, token, TOKEN_REFUSED_PAUSE, reason)
            case errors.NotSent(reason):
                delay = _by_count(_NOT_SENT_DELAYS_SECONDS, attempts)
                return await self._not_sent(envelope, token, delay, reason)
            case _:
                assert_never(outcome)

    async def unsent(self, envelope: Envelope, owner: Owner, outcome: Outcome, reason: str) -> Ends:
        """End messages that are not under way, without a request to Telegram."""

        def end(connection: Connection) -> Ends:
            return delivery_states.end_unsent(
                connection, envelope.identities, envelope.account_id, outcome, reason
            )

        ends = await asyncio.to_thread(self._write, owner, end)
        _count_ends(envelope.kind, ends)
        return ends

    async def given_up(self, kind: str, identities: Sequence[str], owner: Owner) -> None:
        """End as unknown, and count, what a vanished sender has left behind."""

        def end(connection: Connection) -> Ends:
            return delivery_states.give_up(connection, identities)

        _count_ends(kind, await asyncio.to_thread(self._write, owner, end))

    async def not_begun(self, envelope: Envelope, token: str) -> None:
        """Take back a point of no return that may or may not have been passed: nothing was sent."""
        await self._release(envelope, token, "the point of no return was not confirmed")

    async def _end(
        self,
        envelope: Envelope,
        owner: Owner,
        token: str,
        outcome: Outcome,
        *,
        reason: str | None = None,
        telegram_message_id: int | None = None,
    ) -> Ends:
        def end(connection: Connection) -> Ends:
            return delivery_states.end(
                connection,
                envelope.identities,
                token,
                outcome,
                reason=reason,
                telegram_message_id=telegram_message_id,
            )

        ends = await self._persist(lambda: self._write(owner, end))
        _count_ends(envelope.kind, ends)
        return ends

    async def _not_sent(
        self, envelope: Envelope, token: str, delay: timedelta, reason: str
    ) -> NotYet:
        await self._release(envelope, token, reason)
        SENDS.labels(envelope.kind, "not_sent").inc(len(envelope.identities))
        return NotYet(delay.total_seconds(), reason)

    async def _release(self, envelope: Envelope, token: str, reason: str) -> None:
        def release() -> None:
            with transaction(self._engine) as connection:
                delivery_states.release(connection, envelope.identities, token, reason)

        await self._persist(release)

    def _write(self, owner: Owner, end: Callable[[Connection], Ends]) -> Ends:
        with transaction(self._engine) as connection:
            if not owner.lock(connection):
                return {}
            if ends := end(connection):
                owner.record(connection, ends)
            return ends

    async def _persist(self, write: Callable[[], _Written]) -> _Written:
        """Write, again and again while the database fails; raises its error in the end."""
        began = time.monotonic()
        while True:
            try:
                return await asyncio.to_thread(write)
            except SQLAlchemyError as error:
                limit = MARK_SECONDS if self._stopping.is_set() else MARK_LIMIT_SECONDS
                if time.monotonic() - began > limit:
                    _log.exception("end not written")
                    raise
                _log.warning("end not written, trying again", reason=repr(error))
            await asyncio.sleep(0.5)

    def _note_health(self, outcome: errors.Outcome) -> None:
        failed = isinstance(outcome, errors.ServerFailed)
        self._failures_in_a_row = self._failures_in_a_row + 1 if failed else 0
        self.token_is_accepted = not isinstance(outcome, errors.TokenRefused)
        TELEGRAM_TOKEN_REFUSED.set(not self.token_is_accepted)


def _count_ends(kind: str, ends: Ends) -> None:
    """Count ends, once they are committed, where they came about."""
    for end in ends.values():
        SENDS.labels(kind, end.outcome).inc()
        if end.outcome == "unknown":
            UNKNOWN.inc()
            _log.error("nobody can know whether it arrived; not sent again", reason=end.reason)


async def _obey(pause: Awaitable[None]) -> None:
    try:
        await pause
    except RedisError as error:
        # Without Redis nobody gets a turn anyway.
        _log.warning("not silenced", reason=repr(error))


def _by_count(seconds: tuple[int, ...], count: int) -> timedelta:
    return timedelta(seconds=seconds[min(count, len(seconds)) - 1])
