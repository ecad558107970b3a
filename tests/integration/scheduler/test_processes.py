"""The real processes on real servers: an event goes in, and at its time the reminder comes out."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time as clock
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.request import ProxyHandler, build_opener
from uuid import UUID, uuid4

import aio_pika
import pytest
from sqlalchemy import Engine, select

from services.scheduler.tables import HEARD_DAYS
from shared.contracts.cloud_event import CloudEvent
from shared.contracts.events import HabitDayStateV1
from shared.contracts.reminder_commands import ReminderCommandV1, Snooze, command_to_json
from shared.contracts.topology import (
    EVENTS_EXCHANGE,
    REMINDERS,
    SCHEDULER_COMMANDS,
    SCHEDULER_EVENTS,
)
from shared.database import new_engine
from shared.instants import from_json, now
from shared.messaging.publisher import Publisher
from tests.integration.scheduler.story import State, recorded, row_of, seconds_ago, time_at, type_of
from tests.unit.scheduler.states import account_state, habit_state, habit_state_v2, link_state

LIMIT_SECONDS = 60.0
TIME_FOR_A_SECOND_ONE = 2.0


@dataclass(frozen=True, slots=True)
class System:
    """The addresses of a scheduler that is set up."""

    database_url: str
    rabbitmq_url: str

    def environment(self, port: int = 1) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "RABBITMQ_URL": self.rabbitmq_url,
            "OPS_PORT": str(port),
        }


@pytest.fixture
def system(database: Callable[[str], str], vhost: Callable[[str], str]) -> System:
    made = System(database("scheduler"), vhost("scheduler"))
    done = subprocess.run(
        [sys.executable, "-m", "services.scheduler", "setup"],
        env=made.environment(),
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0
    return made


@pytest.fixture
def engine(system: System) -> Iterator[Engine]:
    engine = new_engine(system.database_url)
    yield engine
    engine.dispose()


def test_a_reminder_leaves_at_its_time_once_though_two_ticks_run(
    system: System, engine: Engine
) -> None:
    with running(system, "consume", "relay", "tick", "tick"):
        publish(system, account_state(), link_state())
        due_at = seconds_ago(-5)
        publish(system, habit_state(time=time_at(due_at), created_at=now(), updated_at=now()))

        [(reminder, arrived_at)] = reminders(system)

    assert reminder["habit_id"] == "habit-1"
    assert from_json(reminder["due_at"]) == due_at
    # Milliseconds on an idle machine, which a test machine need not be.
    assert timedelta(0) < arrived_at - due_at < timedelta(seconds=10)
    assert len(recorded(engine)) == 1


def test_a_snooze_comes_once_and_what_is_done_is_silent(system: System, engine: Engine) -> None:
    owner, snoozed, done = (str(uuid4()) for _ in range(3))
    due_at = seconds_ago(-4)
    later = {"owner_id": owner, "created_at": now(), "updated_at": now(), "timing_since": now()}
    with running(system, "consume", "relay", "tick"):
        publish(
            system,
            account_state(id=owner),
            link_state(account_id=owner),
            habit_state_v2(id=snoozed, times=[time_at(due_at + timedelta(hours=1))], **later),
            habit_state_v2(id=done, times=[time_at(due_at)], **later),
            done_day(done, owner, due_at),
        )
        wait_until(lambda: row_of(engine, snoozed) is not None and _is_heard(engine, done))
        wish = Snooze(habit_id=UUID(snoozed), date=due_at.date(), slot=0, until="10m")
        ask(
            system,
            ReminderCommandV1(
                command_id="1000:snooze",
                account_id=UUID(owner),
                at=due_at - timedelta(minutes=10),
                wish=wish,
            ),
        )

        [(reminder, _)] = reminders(system)

    assert (reminder["id"], reminder["kind"]) == (f"{snoozed}:{due_at.date()}:s1", "snoozed")
    # Both were due by then, and only one is told.
    assert {day for _, day, _ in recorded(engine)} == {due_at.date()}
    assert sorted(outcome for _, _, outcome in recorded(engine)) == ["answered", "due"]


def test_a_killed_tick_loses_nothing_and_the_late_reminder_is_sent_once(system: System) -> None:
    with running(system, "consume"):
        due_at = seconds_ago(30)
        created_at = due_at - timedelta(seconds=1)
        publish(system, account_state(), link_state())
        with running(system, "tick", "relay") as (tick, _):
            tick.send_signal(signal.SIGKILL)
            tick.wait(LIMIT_SECONDS)
            late = habit_state(time=time_at(due_at), created_at=created_at, updated_at=created_at)
            publish(system, late)
            with running(system, "tick"):
                arrived = reminders(system)

    assert [reminder["habit_id"] for reminder, _ in arrived] == ["habit-1"]


def test_an_event_that_cannot_be_read_lands_whole_in_the_dead_letter_queue(
    system: System, engine: Engine
) -> None:
    with running(system, "consume"):
        broken = publish_raw(system, b'{"id": "habit-1"}')
        publish(system, habit_state())
        wait_until(lambda: row_of(engine) is not None)
        [dead] = take_all(system, SCHEDULER_EVENTS.dead_letter_queue)

    assert (dead.body, dead.message_id) == (b'{"id": "habit-1"}', broken)


def test_a_wrong_setting_is_named(system: System) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.scheduler", "tick"],
        env=system.environment() | {"REMINDER_GRACE_SECONDS": "soon"},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )

    assert done.returncode != 0
    assert "REMINDER_GRACE_SECONDS" in done.stderr


@contextmanager
def running(system: System, *processes: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run processes until they are ready; at the end they must stop cleanly when asked to."""
    with ExitStack() as stack:
        ports = [_free_port() for _ in processes]
        started = [
            stack.enter_context(_process(system, process, port))
            for process, port in zip(processes, ports, strict=True)
        ]
        for port in ports:
            wait_until(lambda port=port: _is_ready(port))  # type: ignore[misc]
        yield started


@contextmanager
def _process(system: System, process: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "services.scheduler", process]
    with subprocess.Popen(command, env=system.environment(port)) as running:
        try:
            yield running
            running.send_signal(signal.SIGTERM)
            assert running.wait(LIMIT_SECONDS) in {0, -signal.SIGKILL}
        finally:
            running.kill()


def publish(system: System, *states: State | HabitDayStateV1) -> None:
    """Publish states as the services that own them do."""

    async def run() -> None:
        async with Publisher(system.rabbitmq_url, "tests") as publisher:
            for number, state in enumerate(states):
                event = CloudEvent(
                    id=f"event-{number}",
                    type=type_of(state),
                    source="/tests",
                    subject="subject",
                    time=now(),
                    body=state,
                )
                await publisher.publish(
                    EVENTS_EXCHANGE,
                    event.type,
                    event.json_body(),
                    message_id=event.id,
                    headers=event.headers(),
                )

    asyncio.run(run())


def done_day(habit_id: str, owner_id: str, on: datetime) -> HabitDayStateV1:
    """A day that is done."""
    return HabitDayStateV1(
        habit_id=habit_id,
        owner_id=owner_id,
        date=on.date(),
        status="done",
        value=None,
        target_value=None,
        unit=None,
        slots=[],
        note=None,
        channel="api",
        recorded_at=now(),
        cleared=False,
        version=1,
    )


def ask(system: System, command: ReminderCommandV1) -> None:
    """Send a command twice, as the notifier may."""

    async def run() -> None:
        async with Publisher(system.rabbitmq_url, "tests") as publisher:
            for number in range(2):
                await publisher.publish(
                    "",
                    SCHEDULER_COMMANDS.name,
                    command_to_json(command),
                    message_id=f"command-{number}",
                    headers={},
                )

    asyncio.run(run())


def _is_heard(engine: Engine, habit_id: str) -> bool:
    query = select(HEARD_DAYS.c.status).where(HEARD_DAYS.c.habit_id == habit_id)
    with engine.connect() as connection:
        return connection.scalar(query) == "done"


def publish_raw(system: System, body: bytes) -> str:
    """Publish a body that is no habit under a habit's type; return the message's id."""
    event = CloudEvent(
        id="broken",
        type=type_of(habit_state()),
        source="/tests",
        subject="habit-1",
        time=now(),
        body=habit_state(),
    )

    async def run() -> None:
        async with Publisher(system.rabbitmq_url, "tests") as publisher:
            await publisher.publish(
                EVENTS_EXCHANGE, event.type, body, message_id=event.id, headers=event.headers()
            )

    asyncio.run(run())
    return event.id


def reminders(system: System) -> list[tuple[dict[str, Any], datetime]]:
    """Wait for a reminder, and some more for a second; return them with the instants they came."""
    arrived: list[tuple[dict[str, Any], datetime]] = []

    async def run() -> None:
        async with await aio_pika.connect(system.rabbitmq_url) as connection:
            queue = await (await connection.channel()).get_queue(REMINDERS.name)
            first_came = asyncio.Event()

            async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
                group = json.loads(message.body)
                arrived.extend((reminder, now()) for reminder in group["reminders"])
                await message.ack()
                first_came.set()

            await queue.consume(take)
            async with asyncio.timeout(LIMIT_SECONDS):
                await first_came.wait()
            await asyncio.sleep(TIME_FOR_A_SECOND_ONE)

    asyncio.run(run())
    return arrived


def take_all(system: System, queue_name: str) -> list[aio_pika.abc.AbstractIncomingMessage]:
    """Take what is in a queue, waiting for the first message."""

    async def run() -> list[aio_pika.abc.AbstractIncomingMessage]:
        async with await aio_pika.connect(system.rabbitmq_url) as connection:
            queue = await (await connection.channel()).get_queue(queue_name)
            taken: list[aio_pika.abc.AbstractIncomingMessage] = []
            deadline = clock.monotonic() + LIMIT_SECONDS
            while not taken and clock.monotonic() < deadline:
                while (message := await queue.get(no_ack=True, fail=False)) is not None:
                    taken.append(message)
            return taken

    return asyncio.run(run())


def wait_until(condition: Callable[[], bool]) -> None:
    """Ask until a condition holds; fail when it does not within the limit."""
    deadline = clock.monotonic() + LIMIT_SECONDS
    while not condition():
        assert clock.monotonic() < deadline
        clock.sleep(0.05)


def _is_ready(port: int) -> bool:
    try:
        opener = build_opener(ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
