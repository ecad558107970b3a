"""Readers of an outbox that others write to: with and without what makes them reliable."""

import asyncio
import random
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, select

from shared.contracts.events import ACCOUNT_CHANGED
from shared.database import transaction
from shared.messaging.publisher import Publisher
from shared.outbox.relay import Relay
from shared.outbox.shard import Shard
from shared.outbox.table import OUTBOX, add_event
from tests.integration.shared.outbox_story import account, until_empty

WRITERS = 8
EVENTS_OF_A_WRITER = 12
LONGEST_TRANSACTION_SECONDS = 0.05
SHARE_ROLLED_BACK = 0.1
PATIENCE_SECONDS = 30


class RolledBack(Exception):
    """A writer has changed its mind."""


class Collector(Publisher):
    """Stands for the broker: remembers what it was given, and confirms when the gate is open."""

    def __init__(self, *, gate_is_open: bool = True) -> None:
        super().__init__("amqp://nowhere", "collector")
        self.message_ids: list[str] = []
        self.gate = asyncio.Event()
        if gate_is_open:
            self.gate.set()

    async def publish(self, *_args: Any, message_id: str, **_options: Any) -> None:
        self.message_ids.append(message_id)
        await self.gate.wait()


def store_one(engine: Engine, undecided: Callable[[], None] = lambda: None) -> str:
    """Store one event of an account of its own; `undecided` runs before the commit."""
    state = account(str(uuid.uuid4()), version=1)
    with transaction(engine) as connection:
        event_id = add_event(connection, "/services/test", ACCOUNT_CHANGED, state.id, state)
        undecided()
    return event_id


def write_at_random(engine: Engine, seed: int) -> list[str]:
    """Store events in transactions of any length, some rolled back; return the committed ones."""
    chance = random.Random(seed)
    committed = []

    def undecided() -> None:
        time.sleep(chance.uniform(0, LONGEST_TRANSACTION_SECONDS))
        if chance.random() < SHARE_ROLLED_BACK:
            raise RolledBack

    for _ in range(EVENTS_OF_A_WRITER):
        with suppress(RolledBack):
            committed.append(store_one(engine, undecided))
    return committed


async def many_writers(engine: Engine) -> set[str]:
    """Write from many sides at once; return what was committed."""
    with ThreadPoolExecutor(WRITERS) as threads:
        loop = asyncio.get_running_loop()
        written = await asyncio.gather(
            *(
                loop.run_in_executor(threads, write_at_random, engine, seed)
                for seed in range(WRITERS)
            )
        )
    return {event_id for ids in written for event_id in ids}


async def relay_beside_writers(engine: Engine, url: str) -> tuple[set[str], set[str]]:
    """Run the real relay while others write; return what was committed and what was published."""
    collector, stop = Collector(), asyncio.Event()
    relaying = asyncio.create_task(Relay(url, collector).run(stop))
    committed = await many_writers(engine)
    await until_empty(engine)
    stop.set()
    await relaying
    return committed, set(collector.message_ids)


async def cursor_beside_writers(engine: Engine) -> tuple[set[str], set[str]]:
    """Read on from the last position seen while others write; return committed and seen."""
    finished = asyncio.Event()
    reading = asyncio.create_task(_follow_position(engine, finished))
    committed = await many_writers(engine)
    finished.set()
    return committed, await reading


async def two_relays_on_one_shard(engine: Engine, url: str) -> int:
    """Have a relay look at a shard while another waits for its confirm; count messages."""
    store_one(engine)
    with engine.connect() as connection:
        number = connection.execute(select(OUTBOX.c.shard)).scalar_one()
    collector = Collector(gate_is_open=False)
    shards = [Shard(url, number) for _ in range(2)]
    drains = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        for count, shard in enumerate(shards, 1):
            drains.append(asyncio.create_task(Relay(url, collector).drain(shard)))
            while not drains[-1].done() and len(collector.message_ids) < count:
                await asyncio.sleep(0.01)
        collector.gate.set()
        await asyncio.gather(*drains)
    for shard in shards:
        await shard.aclose()
    return len(collector.message_ids)


async def _follow_position(engine: Engine, finished: asyncio.Event) -> set[str]:
    last, seen = 0, set()
    while True:
        is_last_look = finished.is_set()
        for row in await asyncio.to_thread(_rows_after, engine, last):
            last = row.id
            seen.add(str(row.message_id))
        if is_last_look:
            return seen
        await asyncio.sleep(0.002)


def _rows_after(engine: Engine, position: int) -> Any:
    query = select(OUTBOX.c.id, OUTBOX.c.message_id).where(OUTBOX.c.id > position)
    with engine.connect() as connection:
        return connection.execute(query.order_by(OUTBOX.c.id)).all()
