"""Sends one message to Telegram, once: claim -> turn -> place -> point of no return -> send -> end.

A message waits for its turn within Telegram's limits without holding a place: the few places are
for requests alone, so that a Telegram that hangs makes few messages unknown. The point of no
return and the end are rows in the database (see `delivery_states`).

All of it runs in a task of its own: the loss of the broker's connection cancels the handler, and
must not leave a request to Telegram without its end. Whoever gets the message next reads the end.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from services.notifier.metrics import RATE_LIMIT_WAIT
from services.notifier.sending import delivery_states
from services.notifier.sending.claims import Claims
from services.notifier.sending.delivery_ends import DeliveryEnds
from services.notifier.sending.delivery_states import Ends, Outcome, Taken
from services.notifier.sending.envelopes import ChatWaits, Envelope, NotYet, Owner
from services.notifier.sending.rate_limits import NoTurn, SendLimits, Turn
from services.notifier.telegram import errors
from services.notifier.telegram.client import Button
from shared.database import transaction
from shared.instants import now

# Requests at Telegram at a time, of one process.
PLACES = 20
# A message whose chat has to wait longer comes again another time.
LONGEST_WAIT_SECONDS = 2.0
# The same for one that has its place already, but has lost its turn while it waited for it.
_LONGEST_WAIT_IN_PLACE_SECONDS = 0.5
# A turn is good for this long: a later request would come on top of the turns of others.
_TURN_IS_GOOD_SECONDS = 0.25


class TelegramSender(Protocol):
    """What of the Telegram client is needed here."""

    async def send_message(
        self, chat_id: int, text: str, buttons: Sequence[Button] = ()
    ) -> errors.Outcome: ...


class DeliveryDesk:
    """Delivers messages; keeps track of those under way."""

    def __init__(
        self, engine: Engine, claims: Claims, limits: SendLimits, telegram: TelegramSender
    ) -> None:
        self._engine = engine
        self._claims = claims
        self._limits = limits
        self._telegram = telegram
        self._places = asyncio.Semaphore(PLACES)
        self._stopping = asyncio.Event()
        self._ends = DeliveryEnds(engine, limits, self._stopping)
        self._under_way: set[asyncio.Task[Ends | NotYet]] = set()

    async def deliver(self, envelope: Envelope, owner: Owner) -> Ends | NotYet:
        """Send messages that have not ended; return how they did, after `not_after` as expired.

        Raises redis.RedisError or an error of the database when one of them is away.
        """
        task = asyncio.create_task(self._deliver(envelope, owner))
        self._under_way.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def end_unsent(
        self, envelope: Envelope, owner: Owner, outcome: Outcome, reason: str
    ) -> Ends:
        """End messages for good without sending them, unless they are under way or have ended."""
        return await self._ends.unsent(envelope, owner, outcome, reason)

    async def give_up(self, kind: str, identities: Sequence[str], owner: Owner) -> None:
        """End as unknown what a vanished sender has left behind (see `Known.vanished`)."""
        await self._ends.given_up(kind, identities, owner)

    def token_is_accepted(self) -> bool:
        """Whether Telegram took the bot's token when it was last used."""
        return self._ends.token_is_accepted

    def stop_taking(self) -> None:
        """Let what waits go back to its queue; requests under way go on."""
        self._stopping.set()

    async def finish(self) -> None:
        """Wait for the requests under way, also those whose handlers are gone, and their ends.

        That takes TELEGRAM_SECONDS and MARK_SECONDS at most (see shared.process.stop_budget).
        """
        self.stop_taking()
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _forget(self, task: asyncio.Task[Ends | NotYet]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            # Its handler may be gone; an error that nobody asks for would be logged as a bug.
            task.exception()

    async def _deliver(self, envelope: Envelope, owner: Owner) -> Ends | NotYet:
        if now() > envelope.not_after:
            return await self._expire(envelope, owner)
        async with self._claims.claimed(envelope.identities[0]) as claimed:
            if not claimed:
                return NotYet(1, "another worker has it")
            began = time.monotonic()
            turn = await self._limits.book(envelope.chat_id, LONGEST_WAIT_SECONDS)
            if isinstance(turn, NoTurn):
                return ChatWaits(turn.wait_seconds, "Telegram's limits")
            await self._wait_for(turn)
            async with self._places:
                RATE_LIMIT_WAIT.observe(time.monotonic() - began)
                return await self._send_in_turn(envelope, owner, turn)

    async def _send_in_turn(self, envelope: Envelope, owner: Owner, turn: Turn) -> Ends | NotYet:
        if not await self._is_good(turn, envelope.chat_id):
            another = await self._limits.book(envelope.chat_id, _LONGEST_WAIT_IN_PLACE_SECONDS)
            if isinstance(another, NoTurn):
                return ChatWaits(another.wait_seconds, "Telegram's limits")
            await self._wait_for(another)
        if self._stopping.is_set():
            return NotYet(1, "the process stops")
        if now() > envelope.not_after:
            return await self._expire(envelope, owner)
        return await self._send(envelope, owner)

    async def _send(self, envelope: Envelope, owner: Owner) -> Ends | NotYet:
        token = uuid.uuid4().hex
        try:
            attempts = await asyncio.to_thread(self._begin, envelope, owner, token)
        except Taken:
            return NotYet(1, "another worker has it")
        except DBAPIError:
            # Nothing has left yet, but the state may be there: take it back, if that is possible.
            await self._ends.not_begun(envelope, token)
            raise
        if attempts is None:
            return NotYet(1, "it may not be sent to this chat any more")
        outcome = await self._telegram.send_message(
            envelope.chat_id, envelope.text, envelope.buttons
        )
        return await self._ends.of(outcome, envelope, owner, token, attempts)

    def _begin(self, envelope: Envelope, owner: Owner, token: str) -> int | None:
        """Pass the point of no return; None when the message may not be sent any more."""
        with transaction(self._engine) as connection:
            if not owner.may_send(connection):
                return None
            return delivery_states.begin(
                connection, envelope.identities, token, envelope.account_id
            )

    async def _is_good(self, turn: Turn, chat_id: int) -> bool:
        """Whether the turn has not passed, and nobody was silenced since it was booked."""
        if turn.seconds_left() < -_TURN_IS_GOOD_SECONDS:
            return False
        return turn.was_at_once or not await self._limits.is_silenced(chat_id)

    async def _wait_for(self, turn: Turn) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(turn.seconds_left(), 0)):
                await self._stopping.wait()

    async def _expire(self, envelope: Envelope, owner: Owner) -> Ends:
        return await self.end_unsent(envelope, owner, "expired", "its time has passed")
