"""What may go wrong around one request to Telegram, arranged so that it does go wrong.

Each arrangement takes the parts with or without their guard and tells what Telegram saw. Nothing
is left to chance: requests hang at a gate until the other side has done its worst.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from services.notifier.redis_scripts import read_script
from services.notifier.sending import delivery, once_each
from services.notifier.sending.delivery import DeliveryDesk, Envelope
from services.notifier.sending.message_states import Busy, Claim, Message
from services.notifier.sending.once_each import OnceEach
from services.notifier.sending.rate_limits import GROUP_BURST, GROUP_INTERVAL_MS, SendLimits
from services.notifier.sending.send_ends import AttemptEnd, NotYet
from services.notifier.telegram.client import Button
from services.notifier.telegram.errors import Accepted, Outcome, TooManyRequests
from shared.instants import now
from tests.integration.notifier.arrangements import a_message

A_GROUP = -100
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


class NoLimits(SendLimits):
    """Lets everything pass at once."""

    async def acquire(self, chat_id: int) -> float:
        return 0.0

    async def pause(self, silence: timedelta) -> None:
        return


class SlowTurn(SendLimits):
    """Gives leave to send only after the message's time."""

    def __init__(self, client: Redis, message: Message) -> None:
        super().__init__(client)
        self._message = message

    async def acquire(self, chat_id: int) -> float:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while now() <= self._message.not_after:
                await asyncio.sleep(0.01)
        return 0.0


def without(patch: pytest.MonkeyPatch, script: str, guard: str, instead: str = "") -> None:
    """Take a guard out of the text of a Lua script; machines made afterwards run without it."""
    source = read_script(script)
    assert source.count(guard) == 1, f"{script}.lua has changed: {guard}"

    def read(name: str) -> str:
        return source.replace(guard, instead) if name == script else read_script(name)

    patch.setattr(once_each, "read_script", read)


def to_somebody(message: Message, chat_id: int = 1) -> Envelope:
    return Envelope(message=message, kind="reminder", chat_id=chat_id, text="hello")


async def all_done_or_at_the_gate(
    telegram: CountingTelegram, tasks: Sequence[asyncio.Task[AttemptEnd]]
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while telegram.requests + sum(task.done() for task in tasks) < len(tasks):
            await asyncio.sleep(0.01)


async def in_the_end(desk: DeliveryDesk, message: Message) -> AttemptEnd:
    """Deliver as the queue does: again and again while the answer is 'not yet'."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while isinstance(end := await desk.deliver(to_somebody(message)), NotYet):
            await asyncio.sleep(0.02)
    return end


async def two_workers_get_one_message(redis: Redis, patch: pytest.MonkeyPatch) -> int:
    """Deliver to a second worker while the first one's request is under way; count requests."""
    patch.setattr(delivery, "LONGEST_WAIT_SECONDS", 0.1)
    telegram = CountingTelegram(gate_is_open=False)
    message = a_message()
    desks = [DeliveryDesk(OnceEach(redis), NoLimits(redis), telegram) for _ in range(2)]
    first = asyncio.create_task(desks[0].deliver(to_somebody(message)))
    await telegram.reached.wait()
    second = asyncio.create_task(desks[1].deliver(to_somebody(message)))
    await all_done_or_at_the_gate(telegram, [first, second])
    telegram.gate.set()
    await asyncio.gather(first, second)
    return telegram.requests


async def a_paused_worker_wakes_up(redis: Redis) -> int:
    """Let a worker begin to send whose claim another has taken over; count requests."""
    hasty = OnceEach(redis, claim_lease_seconds=0.01)
    telegram = CountingTelegram(gate_is_open=False)
    desk = DeliveryDesk(hasty, NoLimits(redis), telegram)
    message = a_message()
    paused = await hasty.claim(message)
    while isinstance(quick := await hasty.claim(message), Busy):
        await asyncio.sleep(0.01)
    sends = []
    for claim in (paused, quick):
        assert isinstance(claim, Claim)
        sends.append(asyncio.create_task(desk._send(claim, to_somebody(message))))
        await all_done_or_at_the_gate(telegram, sends)
    telegram.gate.set()
    await asyncio.gather(*sends)
    return telegram.requests


@dataclass(frozen=True, slots=True)
class Seen:
    """How often Telegram was asked, and how the message ended."""

    requests: int
    end: AttemptEnd


async def a_worker_dies_in_the_middle(redis: Redis, machine: type[OnceEach]) -> Seen:
    """Kill a worker whose request has left, and deliver the message again."""
    hasty = machine(redis, claim_lease_seconds=0.05, sending_lease_seconds=0.05)
    telegram = CountingTelegram(gate_is_open=False)
    message = a_message()
    dying = DeliveryDesk(hasty, NoLimits(redis), telegram)
    handler = asyncio.create_task(dying.deliver(to_somebody(message)))
    await telegram.reached.wait()
    for task in dying._under_way:
        task.cancel()
    await asyncio.gather(handler, return_exceptions=True)
    telegram.gate.set()
    end = await in_the_end(DeliveryDesk(hasty, NoLimits(redis), telegram), message)
    return Seen(telegram.requests, end)


async def the_broker_cuts_the_handler_off(redis: Redis) -> Seen:
    """Cancel a handler whose request has left; let Telegram answer, and deliver again."""
    machine = OnceEach(redis, sending_lease_seconds=0.3)
    telegram = CountingTelegram(gate_is_open=False)
    desk = DeliveryDesk(machine, NoLimits(redis), telegram)
    message = a_message()
    handler = asyncio.create_task(desk.deliver(to_somebody(message)))
    await telegram.reached.wait()
    handler.cancel()
    await asyncio.gather(handler, return_exceptions=True)
    telegram.gate.set()
    await desk.finish()
    return Seen(telegram.requests, await in_the_end(desk, message))


async def redis_loses_its_records(redis: Redis) -> Seen:
    """Send a message, empty Redis, and deliver the message again."""
    machine = OnceEach(redis)
    await machine.watch_epoch()
    telegram = CountingTelegram()
    desk = DeliveryDesk(machine, NoLimits(redis), telegram)
    message = a_message()
    await desk.deliver(to_somebody(message))
    await redis.flushdb()
    end = await in_the_end(desk, replace(message, redelivered=True))
    return Seen(telegram.requests, end)


async def its_time_passes_while_it_waits(redis: Redis) -> int:
    """Have a message wait for its turn until after its time; count requests."""
    message = a_message(not_after=now() + timedelta(milliseconds=50))
    telegram = CountingTelegram()
    await DeliveryDesk(OnceEach(redis), SlowTurn(redis, message), telegram).deliver(
        to_somebody(message)
    )
    return telegram.requests


@dataclass(frozen=True, slots=True)
class Burst:
    """How many requests reached Telegram, and how many its limits allowed in that time."""

    requests: int
    allowed: float


async def many_messages_for_one_group(
    redis: Redis, patch: pytest.MonkeyPatch, limits: type[SendLimits]
) -> Burst:
    """Hand two replicas twenty messages for one chat at once."""
    patch.setattr(delivery, "LONGEST_WAIT_SECONDS", 0.0)
    telegram = CountingTelegram()
    desks = [DeliveryDesk(OnceEach(redis), limits(redis), telegram) for _ in range(2)]
    began = time.monotonic()
    await asyncio.gather(
        *(desk.deliver(to_somebody(a_message(), A_GROUP)) for desk in desks for _ in range(10))
    )
    intervals = (time.monotonic() - began) * 1000 / GROUP_INTERVAL_MS
    return Burst(telegram.requests, GROUP_BURST + intervals)


async def telegram_says_429(redis: Redis, limits: type[SendLimits]) -> int:
    """Have one replica told to be silent; count what another replica sends meanwhile."""
    silence = TooManyRequests(timedelta(seconds=PATIENCE_SECONDS))
    told = DeliveryDesk(OnceEach(redis), limits(redis), CountingTelegram(answer=silence))
    assert isinstance(await told.deliver(to_somebody(a_message())), NotYet)
    telegram = CountingTelegram()
    other = DeliveryDesk(OnceEach(redis), limits(redis), telegram)
    await other.deliver(to_somebody(a_message(), chat_id=2))
    return telegram.requests
