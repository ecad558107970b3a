"""A notifier that is set up on servers of a test's own, whose processes can be hurt."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from redis import Redis
from sqlalchemy import Engine, select

from services.notifier.linking.chat_links import link
from services.notifier.redis_scripts import KEY_PREFIX
from services.notifier.service import SERVICE
from services.notifier.tables import CHAT_LINKS, DELIVERIES
from shared.contracts.cloud_event import CloudEvent
from shared.contracts.events import REMINDER_DUE, ReminderDueV1
from shared.contracts.topology import EVENTS_EXCHANGE, REMINDERS, RETRY_DELAYS_SECONDS
from shared.database import transaction
from shared.instants import now
from shared.messaging.publisher import Publisher
from shared.outbox.table import OUTBOX
from tests.fakes.telegram_person import TelegramPerson
from tests.faults.queues import depth
from tests.faults.rig import eventually
from tests.faults.service_process import ServiceProcess, service_process
from tests.integration.notifier.arrangements import a_reminder, event_bytes, new_account
from tests.integration.telegram_simulator.simulator_process import TOKEN

PATIENCE_SECONDS = 90

_chat_ids = count(700_000)


consume = partial(SERVICE.run, ["consume"])


@dataclass(frozen=True, slots=True)
class Notifier:
    """Its servers, and whoever uses it."""

    database_url: str
    rabbitmq_url: str
    redis_url: str
    telegram_url: str
    engine: Engine
    redis: Redis
    person: TelegramPerson
    log: Path

    def consumer(
        self, run: Callable[[], object] = consume, **variables: str
    ) -> AbstractContextManager[ServiceProcess]:
        """Run one more process `consume`; variables given win."""
        environment = {
            "DATABASE_URL": self.database_url,
            "RABBITMQ_URL": self.rabbitmq_url,
            "REDIS_URL": self.redis_url,
            "JWKS_URL": "http://127.0.0.1:9/",
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_URL": self.telegram_url,
            **variables,
        }
        return service_process(run, environment, self.log)

    def linked_account(self, chat_type: str = "private") -> tuple[str, int]:
        """Return a new account and the chat that gets its reminders."""
        # Never the chat of another test: the database of a file remembers them.
        number = next(_chat_ids)
        chat_id = self.person.create_chat(
            number if chat_type == "private" else -number, type=chat_type
        )
        account_id = new_account()
        with transaction(self.engine) as connection:
            link(connection, account_id, chat_id, now())
        return account_id, chat_id

    def due_reminder(self, **changed: Any) -> tuple[ReminderDueV1, int]:
        """Return a reminder for an account of its own, and the chat it goes to."""
        account_id, chat_id = self.linked_account()
        return a_reminder(account_id, **changed), chat_id

    def announce(self, *reminders: ReminderDueV1) -> None:
        """Publish the reminders as the scheduler does."""
        asyncio.run(publish_events(self.rabbitmq_url, [due_event(each) for each in reminders]))

    def wait_for_outcomes(self, reminders: Sequence[ReminderDueV1]) -> dict[str, str]:
        """Wait until all have ended; return how, by id."""
        eventually(
            lambda: len(self.outcomes(reminders)) == len(reminders), "all ended", PATIENCE_SECONDS
        )
        return self.outcomes(reminders)

    def assert_queues_are_empty(self) -> None:
        """Check that nothing waits, is tried again, or has died."""
        queues = [REMINDERS.name, REMINDERS.dead_letter_queue]
        queues += [REMINDERS.retry_queue(seconds) for seconds in RETRY_DELAYS_SECONDS]

        def left() -> int:
            return sum(asyncio.run(depth(self.rabbitmq_url, queue)) for queue in queues)

        eventually(lambda: left() == 0, "the queues are empty", PATIENCE_SECONDS)

    def outcomes(self, reminders: Sequence[ReminderDueV1]) -> dict[str, str]:
        """Return how those of the reminders ended that have ended."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(DELIVERIES.c.reminder_id, DELIVERIES.c.outcome).where(
                    DELIVERIES.c.reminder_id.in_([each.id for each in reminders])
                )
            )
            return {row.reminder_id: row.outcome for row in rows}

    def link_of(self, reminder: ReminderDueV1) -> tuple[str, int | None]:
        """Return status and chat of the link that a reminder goes by."""
        query = select(CHAT_LINKS).where(CHAT_LINKS.c.account_id == reminder.account_id)
        with self.engine.connect() as connection:
            row = connection.execute(query).one()
            return row.status, row.chat_id

    def told(self, reminder: ReminderDueV1) -> list[tuple[str, str | None]]:
        """Return type and outcome of the events that tell of a reminder's end."""
        query = select(OUTBOX).where(OUTBOX.c.ordering_key == reminder.id).order_by(OUTBOX.c.id)
        with self.engine.connect() as connection:
            rows = connection.execute(query)
            return [(row.routing_key, row.body.get("outcome")) for row in rows]

    def record(self, reminder: ReminderDueV1) -> dict[str, str]:
        """Return the once-each record of a reminder, as it is in Redis."""
        record: dict[str, str] = self.redis.hgetall(record_key(reminder))  # type: ignore[assignment]
        return record

    def let_lease_run_out(self, reminder: ReminderDueV1) -> None:
        """Put the end of a lease into the past, as time does."""
        self.redis.hset(record_key(reminder), "until_ms", "1")


def record_key(reminder: ReminderDueV1) -> str:
    return f"{KEY_PREFIX}:once:reminder:{reminder.id}"


def due_event(reminder: ReminderDueV1, at: datetime | None = None) -> CloudEvent:
    return CloudEvent(
        id=str(uuid.uuid4()),
        type=REMINDER_DUE,
        source="/services/scheduler",
        subject=reminder.habit_id,
        time=at or now(),
        body=reminder,
    )


async def publish_events(rabbitmq_url: str, events: Sequence[CloudEvent]) -> None:
    """Publish events to the exchange, reminders to their queue, one after another."""
    async with Publisher(rabbitmq_url, "test") as publisher:
        for event in events:
            to_the_queue = event.type == REMINDER_DUE
            await publisher.publish(
                "" if to_the_queue else EVENTS_EXCHANGE,
                REMINDERS.name if to_the_queue else event.type,
                event_bytes(event),
                message_id=event.id,
                headers=event.headers(),
                message_type=event.type,
            )
