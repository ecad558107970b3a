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
from sqlalchemy import Engine, func, select, update

from services.notifier.accounts import store_account
from services.notifier.linking.chat_links import link
from services.notifier.redis_scripts import KEY_PREFIX
from services.notifier.reminders.due_together import identity_of
from services.notifier.service import SERVICE
from services.notifier.tables import CHAT_LINKS, DELIVERIES, DELIVERY_STATES
from shared.contracts.cloud_event import CloudEvent
from shared.contracts.events import REMINDER_DUE, ReminderDueV1
from shared.contracts.reminder_group import RemindersDueTogetherV1, group_to_json
from shared.contracts.topology import EVENTS_EXCHANGE, REMINDERS, RETRY_DELAYS_SECONDS
from shared.database import transaction
from shared.instants import now
from shared.messaging.publisher import Publisher
from shared.outbox.table import OUTBOX
from tests.fakes.telegram_person import TelegramPerson
from tests.faults.queues import depth
from tests.faults.rig import eventually
from tests.faults.service_process import ServiceProcess, service_process
from tests.integration.notifier.arrangements import (
    a_group,
    a_reminder,
    event_bytes,
    new_account,
)
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

    def linked_account(self) -> tuple[str, int]:
        """Return a new account and the chat that gets its reminders."""
        # Never the chat of another test: the database of a file remembers them.
        chat_id = self.person.create_chat(next(_chat_ids))
        account_id = new_account()
        with transaction(self.engine) as connection:
            store_account(connection, account_id, locale="en", deleted=False, version=1)
            link(connection, account_id, chat_id, now())
        return account_id, chat_id

    def due_reminder(self, **changed: Any) -> tuple[ReminderDueV1, int]:
        """Return a reminder for an account of its own, and the chat it goes to."""
        account_id, chat_id = self.linked_account()
        return a_reminder(account_id, **changed), chat_id

    def announce(self, *reminders: ReminderDueV1) -> None:
        """Publish the reminders as the scheduler does."""
        asyncio.run(publish_events(self.rabbitmq_url, [due_event(each) for each in reminders]))

    def announce_together(self, *groups: Sequence[ReminderDueV1]) -> None:
        """Publish reminders, group by group, as the scheduler does with what is due together."""
        asyncio.run(publish_groups(self.rabbitmq_url, [a_group(each) for each in groups]))

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

    def state(self, reminder: ReminderDueV1) -> str | None:
        """Return the state of a reminder's delivery."""
        query = select(DELIVERY_STATES.c.state).where(
            DELIVERY_STATES.c.identity == identity_of(reminder)
        )
        with self.engine.connect() as connection:
            return connection.scalar(query)

    def let_time_run_out(self, reminder: ReminderDueV1) -> None:
        """Put the ends of its claim and of its sender's time into the past, as time does."""
        identity = identity_of(reminder)
        self.redis.delete(f"{KEY_PREFIX}:claim:{identity}")
        with transaction(self.engine) as connection:
            connection.execute(
                update(DELIVERY_STATES)
                .where(DELIVERY_STATES.c.identity == identity, DELIVERY_STATES.c.state == "sending")
                .values(until=func.clock_timestamp())
            )


def due_event(reminder: ReminderDueV1, at: datetime | None = None) -> CloudEvent:
    return CloudEvent(
        id=str(uuid.uuid4()),
        type=REMINDER_DUE,
        source="/services/scheduler",
        subject=reminder.habit_id,
        time=at or now(),
        body=reminder,
    )


async def publish_groups(rabbitmq_url: str, groups: Sequence[RemindersDueTogetherV1]) -> None:
    """Put groups of reminders into their queue, one after another."""
    async with Publisher(rabbitmq_url, "test") as publisher:
        for group in groups:
            message_id = str(uuid.uuid4())
            await publisher.publish("", REMINDERS.name, group_to_json(group), message_id=message_id)


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
