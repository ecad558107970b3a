"""What may go wrong around one request to Telegram, arranged so that it does go wrong.

Each arrangement takes the parts with or without their guard and tells what Telegram saw. Nothing
is left to chance: requests hang at a gate until the other side has done its worst.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import Engine, literal_column

from services.notifier.sending import delivery, delivery_states
from services.notifier.sending.claims import Claims
from services.notifier.sending.delivery import DeliveryDesk
from services.notifier.sending.delivery_states import Known
from services.notifier.sending.envelopes import Envelope, NotYet
from services.notifier.sending.rate_limits import CHAT_INTERVAL_MS, NoTurn, SendLimits, Turn
from services.notifier.telegram.client import Button
from services.notifier.telegram.errors import Accepted, Outcome, TooManyRequests
from shared.database import transaction
from shared.instants import now
from tests.integration.notifier.arrangements import Witness, an_envelope

BEFORE_ANY_TIME_PASSED = datetime(2026, 1, 1, tzinfo=UTC)
PATIENCE_SECONDS = 20


class CountingTelegram:
    """Counts requests, and answers them when the gate is open."""

    def __init__(self, *, gate_is_open: bool = True, answer: Outcome | None = None) -> None:
        self.requests = 0
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()
        self._answer = answer
        if gate_is_open:
            self.gate.set()

    async def send_message(
        self, chat_id: int, text: str, buttons: Sequence[Button] = ()
    ) -> Outcome:
        self.requests += 1
        self.reached.set()
        await self.gate.wait()
        return self._answer or Accepted(self.requests)


class NoClaims(Claims):
    """Lets every worker have every message, as a Redis does that has lost its records."""

    @asynccontextmanager
    async def claimed(self, identity: str) -> AsyncIterator[bool]:
        yield True


class NoLimits(SendLimits):
    """Lets everything pass at once."""

    async def book(self, chat_id: int, longest_wait_seconds: float) -> Turn | NoTurn:
        return Turn(asyncio.get_running_loop().time(), was_at_once=True)

    async def pause_chat(self, chat_id: int, silence: timedelta) -> None:
        return


class SlowTurn(NoLimits):
    """Gives a turn only after the message's time."""

    def __init__(self, client: Redis, envelope: Envelope) -> None:
        super().__init__(client)
        self._envelope = envelope

    async def book(self, chat_id: int, longest_wait_seconds: float) -> Turn | NoTurn:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while now() <= self._envelope.not_after:
                await asyncio.sleep(0.01)
        return await super().book(chat_id, longest_wait_seconds)


@dataclass(frozen=True, slots=True)
class Seen:
    """How often Telegram was asked, and how the message ended."""

    requests: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The servers that desks need."""

    engine: Engine
    redis: Redis

    def desk(self, telegram: CountingTelegram, limits: SendLimits | None = None) -> DeliveryDesk:
        return DeliveryDesk(
            self.engine, NoClaims(self.redis), limits or NoLimits(self.redis), telegram
        )

    def look(self, envelope: Envelope) -> Known:
        with transaction(self.engine) as connection:
            return delivery_states.look(connection, envelope.identities)

    async def in_the_end(self, desk: DeliveryDesk, envelope: Envelope) -> str:
        """Deliver as the queue does: again and again while the answer is 'not yet'."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (known := self.look(envelope)).ended:
                if known.vanished:
                    await desk.give_up(envelope.kind, known.vanished, Witness())
                elif not known.busy_seconds:
                    await desk.deliver(envelope, Witness())
                await asyncio.sleep(0.02)
        return known.ended[envelope.identities[0]].outcome


def without_the_condition_on_the_state(patch: pytest.MonkeyPatch) -> None:
    """Let a message be begun whatever its state is."""
    unguarded: Any = delivery_states._BEGIN.on_conflict_do_update(
        index_elements=["identity"],
        set_={"token": delivery_states._BEGIN.excluded.token},
    ).returning(literal_column("1"))
    patch.setattr(delivery_states, "_BEGIN_AGAIN", unguarded)


def without_the_point_of_no_return(patch: pytest.MonkeyPatch, *, times: int) -> None:
    """Let so many requests leave without anything committed before."""
    begin, left = delivery_states.begin, times

    def begin_later(*arguments: Any) -> int:
        nonlocal left
        left -= 1
        return 1 if left >= 0 else begin(*arguments)

    patch.setattr(delivery_states, "begin", begin_later)


async def two_workers_get_one_message(parts: Parts) -> int:
    """Deliver to a second worker while the first one's request is under way; count requests."""
    telegram, envelope = CountingTelegram(gate_is_open=False), an_envelope(1)
    desks = [parts.desk(telegram) for _ in range(2)]
    first = asyncio.create_task(desks[0].deliver(envelope, Witness()))
    await telegram.reached.wait()
    second = asyncio.create_task(desks[1].deliver(envelope, Witness()))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while telegram.requests + second.done() < 2:
            await asyncio.sleep(0.01)
    telegram.gate.set()
    await asyncio.gather(first, second)
    return telegram.requests


async def a_worker_dies_in_the_middle(parts: Parts, patch: pytest.MonkeyPatch) -> Seen:
    """Kill a worker whose request has left, and deliver the message again."""
    patch.setattr(delivery_states, "SENDING_LIMIT", timedelta(seconds=0.05))
    telegram, envelope = CountingTelegram(gate_is_open=False), an_envelope(1)
    dying = parts.desk(telegram)
    handler = asyncio.create_task(dying.deliver(envelope, Witness()))
    await telegram.reached.wait()
    for task in dying._under_way:
        task.cancel()
    await asyncio.gather(handler, return_exceptions=True)
    telegram.gate.set()
    outcome = await parts.in_the_end(parts.desk(telegram), envelope)
    return Seen(telegram.requests, outcome)


async def the_broker_cuts_the_handler_off(parts: Parts, patch: pytest.MonkeyPatch) -> Seen:
    """Cancel a handler whose request has left; let Telegram answer, and deliver again."""
    patch.setattr(delivery_states, "SENDING_LIMIT", timedelta(seconds=0.3))
    telegram, envelope = CountingTelegram(gate_is_open=False), an_envelope(1)
    desk = parts.desk(telegram)
    handler = asyncio.create_task(desk.deliver(envelope, Witness()))
    await telegram.reached.wait()
    handler.cancel()
    await asyncio.gather(handler, return_exceptions=True)
    telegram.gate.set()
    await desk.finish()
    outcome = await parts.in_the_end(desk, envelope)
    return Seen(telegram.requests, outcome)


async def its_time_passes_while_it_waits(parts: Parts) -> int:
    """Have a message wait for its turn until after its time; count requests."""
    envelope = an_envelope(1, not_after=now() + timedelta(milliseconds=50))
    telegram = CountingTelegram()
    desk = parts.desk(telegram, SlowTurn(parts.redis, envelope))
    await desk.deliver(envelope, Witness())
    return telegram.requests


@dataclass(frozen=True, slots=True)
class Burst:
    """How many requests reached Telegram, and how many its limits allowed in that time."""

    requests: int
    allowed: float


async def many_messages_for_one_chat(
    parts: Parts, patch: pytest.MonkeyPatch, limits: type[SendLimits]
) -> Burst:
    """Hand two replicas twenty messages for one chat at once."""
    patch.setattr(delivery, "LONGEST_WAIT_SECONDS", 0.0)
    telegram = CountingTelegram()
    desks = [parts.desk(telegram, limits(parts.redis)) for _ in range(2)]
    began = time.monotonic()
    await asyncio.gather(
        *(desk.deliver(an_envelope(1), Witness()) for desk in desks for _ in range(10))
    )
    intervals = (time.monotonic() - began) * 1000 / CHAT_INTERVAL_MS
    return Burst(telegram.requests, 1 + intervals)


async def telegram_says_429(parts: Parts, limits: type[SendLimits]) -> int:
    """Have one replica told to be silent; count what another replica sends meanwhile."""
    silence = TooManyRequests(timedelta(seconds=PATIENCE_SECONDS))
    told = parts.desk(CountingTelegram(answer=silence), limits(parts.redis))
    assert isinstance(await told.deliver(an_envelope(1), Witness()), NotYet)
    telegram = CountingTelegram()
    other = parts.desk(telegram, limits(parts.redis))
    await other.deliver(an_envelope(1), Witness())
    return telegram.requests
