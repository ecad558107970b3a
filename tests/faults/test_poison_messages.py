"""Fault 17: what cannot be read ends whole among the dead letters, and delays nothing behind it."""

import asyncio
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from aio_pika.abc import AbstractIncomingMessage
from sqlalchemy import Engine

from services.scheduler.service import SERVICE
from shared.contracts.cloud_event import CloudEvent
from shared.contracts.events import HABIT_CHANGED
from shared.contracts.topology import REMINDERS, SCHEDULER_EVENTS, WorkQueue
from shared.database import new_engine
from shared.instants import now
from shared.messaging.publisher import Publisher
from shared.migrations import migrate
from tests.faults.installation import Notifier, due_event
from tests.faults.queues import depth, take_all
from tests.faults.rig import eventually
from tests.faults.service_process import service_process
from tests.integration.notifier.arrangements import event_bytes
from tests.integration.scheduler.story import row_of
from tests.unit.scheduler.states import habit_state

PATIENCE_SECONDS = 60
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it was put into a queue."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))


def poisons_like(event: CloudEvent) -> list[Sent]:
    """Return an event that is spoilt in each of the ways there are."""
    body, headers = event_bytes(event), event.headers()
    return [
        Sent(body[: len(body) // 2], headers),
        Sent(b"\xff\x00", headers),
        Sent(b'{"id": 1}', headers),
        Sent(b'{"id": "' + b"x" * MEGABYTE + b'"}', headers),
        Sent(body, {**headers, "cloudEvents:type": "habit.painted.v9"}),
        Sent(body, {"cloudEvents:type": event.type}),
        Sent(body),
    ]


async def put(url: str, queue: WorkQueue, messages: list[Sent]) -> None:
    async with Publisher(url, "test") as publisher:
        for each in messages:
            await publisher.publish(
                "", queue.name, each.body, message_id=each.message_id, headers=each.headers
            )


def assert_died_at_once(url: str, queue: WorkQueue, poisons: list[Sent]) -> None:
    """Check that each is among the dead letters as it was sent, never retried; nothing else is."""
    eventually(
        lambda: asyncio.run(depth(url, queue.dead_letter_queue)) == len(poisons),
        "all poison is dead",
        PATIENCE_SECONDS,
    )
    dead = {each.message_id: each for each in asyncio.run(take_all(url, queue.dead_letter_queue))}
    for poison in poisons:
        found = dead[poison.message_id]
        assert found.body == poison.body
        assert {name: found.headers.get(name) for name in poison.headers} == poison.headers
        assert queues_of_deaths(found) == [queue.name]
    assert asyncio.run(depth(url, queue.name)) == 0


def queues_of_deaths(message: AbstractIncomingMessage) -> list[str]:
    deaths = message.headers["x-death"]
    assert isinstance(deaths, list)
    return [str(death["queue"]) for death in deaths if isinstance(death, dict)]


@pytest.fixture
def schedule(database: Callable[[str], str]) -> Iterator[Engine]:
    url = database("scheduler")
    migrate("scheduler", url)
    engine = new_engine(url)
    yield engine
    engine.dispose()


def test_poison_among_the_schedulers_events(schedule: Engine, broker: str, tmp_path: Path) -> None:
    at = now()
    event = CloudEvent(
        id=str(uuid.uuid4()),
        type=HABIT_CHANGED,
        source="/services/habits",
        subject="habit-1",
        time=at,
        body=habit_state(),
    )
    poisons = poisons_like(event)
    environment = {
        "DATABASE_URL": schedule.url.set(drivername="postgresql").render_as_string(False),
        "RABBITMQ_URL": broker,
    }
    with service_process(
        partial(SERVICE.run, ["consume"]), environment, tmp_path / "scheduler.log"
    ):
        good = Sent(event_bytes(event), event.headers())
        asyncio.run(put(broker, SCHEDULER_EVENTS, [*poisons, good]))
        eventually(lambda: row_of(schedule) is not None, "the good one", PATIENCE_SECONDS)
        assert_died_at_once(broker, SCHEDULER_EVENTS, poisons)


def test_poison_among_the_reminders(notifier: Notifier) -> None:
    reminder, chat_id = notifier.due_reminder()
    event = due_event(reminder)
    poisons = poisons_like(event)
    with notifier.consumer():
        good = Sent(event_bytes(event), event.headers())
        asyncio.run(put(notifier.rabbitmq_url, REMINDERS, [*poisons, good]))
        notifier.person.wait_for_message(chat_id, PATIENCE_SECONDS)
        assert_died_at_once(notifier.rabbitmq_url, REMINDERS, poisons)
    assert len(notifier.person.requests(chat_id=chat_id)) == 1
