"""Sends the reminders of the queue `reminders`, each once, to the chat that is linked now.

A reminder ends with its row in the ledger, the event that tells of it and, when the chat is gone,
the blocked link: one transaction. A crash before that brings the reminder back; it then finds its
end in Redis and only writes it down.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from services.notifier.accounts import share_account
from services.notifier.linking.chat_links import block, move_chat, read_link
from services.notifier.metrics import LAG
from services.notifier.reminders import ledger
from services.notifier.reminders.reminder_texts import reminder_text
from services.notifier.sending.delivery import DeliveryDesk, Envelope
from services.notifier.sending.message_states import Done, Message, Refused, Settled
from services.notifier.sending.send_ends import AttemptEnd, Moved, NotYet
from services.notifier.translations import Translations
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.events import ReminderDueV1
from shared.contracts.reminder_group import read_group
from shared.database import transaction
from shared.instants import now
from shared.messaging.deliveries import Delivery, RetryLater
from shared.process.structured_logs import get_logger

_KIND = "reminder"
_MOST_MOVES = 3

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the database says of a reminder before it is sent; `chat_id` only if linked."""

    is_over: bool
    chat_id: int | None


class ReminderConsumer:
    """Handles one reminder of the queue."""

    def __init__(self, engine: Engine, desk: DeliveryDesk, translations: Translations) -> None:
        self._engine = engine
        self._desk = desk
        self._translations = translations

    async def handle(self, delivery: Delivery) -> None:
        """Bring reminders to their end. Raises RetryLater, UnreadableMessage."""
        if "cloudEvents:type" not in delivery.headers:
            group = read_group(delivery.body)
            for reminder in group.reminders:
                await self._end(reminder, group.due_at, delivery)
            return
        event = delivery.event()
        if not isinstance(event.body, ReminderDueV1):
            raise UnreadableMessage(f"{event.type} is not a reminder")
        await self._end(event.body, event.time, delivery)

    async def _end(
        self, reminder: ReminderDueV1, produced_at: datetime, delivery: Delivery
    ) -> None:
        message = Message(
            identity=f"{_KIND}:{reminder.id}",
            produced_at=produced_at,
            not_after=reminder.not_after,
            redelivered=delivery.redelivered,
        )
        for _ in range(_MOST_MOVES):
            standing = await asyncio.to_thread(self._look_up, reminder)
            if standing.is_over:
                return
            end = await self._attempt(reminder, message, standing.chat_id)
            match end:
                case Moved(new_chat_id):
                    await asyncio.to_thread(self._follow_chat, standing.chat_id, new_chat_id)
                case NotYet(delay_seconds, reason):
                    raise RetryLater(delay_seconds, reason)
                case _:
                    await asyncio.to_thread(self._record, reminder, end, standing.chat_id)
                    return
        raise RetryLater(30, "the chat keeps moving")

    async def _attempt(
        self, reminder: ReminderDueV1, message: Message, chat_id: int | None
    ) -> AttemptEnd:
        if chat_id is None:
            if now() > reminder.not_after:
                return await self._desk.end_unsent(message, _KIND, "expired", "its time has passed")
            return await self._desk.end_unsent(message, _KIND, "no_chat", "no chat is linked")
        catalogue = self._translations.of(reminder.locale)
        envelope = Envelope(
            message=message,
            kind=_KIND,
            chat_id=chat_id,
            text=reminder_text(reminder, catalogue),
        )
        return await self._desk.deliver(envelope)

    def _look_up(self, reminder: ReminderDueV1) -> _Standing:
        with transaction(self._engine) as connection:
            account = share_account(connection, reminder.account_id)
            if account.deleted or ledger.is_settled(connection, reminder.id):
                return _Standing(is_over=True, chat_id=None)
            row = read_link(connection, reminder.account_id)
            linked = row is not None and row.status == "linked"
            return _Standing(is_over=False, chat_id=row.chat_id if row and linked else None)

    def _record(self, reminder: ReminderDueV1, end: Settled, chat_id: int | None) -> None:
        with transaction(self._engine) as connection:
            account = share_account(connection, reminder.account_id)
            if account.deleted:
                return
            is_news = ledger.record(connection, reminder, end)
            chat_is_gone = isinstance(end, Refused) and end.outcome == "chat_gone"
            if is_news and chat_is_gone and chat_id is not None:
                block(connection, chat_id, now())
        if is_news:
            lag_seconds = (end.at - reminder.due_at).total_seconds()
            if isinstance(end, Done):
                LAG.observe(max(lag_seconds, 0))
            _log.info(
                "reminder ended",
                reminder_id=reminder.id,
                outcome=end.outcome if isinstance(end, Refused) else type(end).__name__.lower(),
                lag_seconds=round(lag_seconds, 3),
            )

    def _follow_chat(self, old_chat_id: int | None, new_chat_id: int) -> None:
        if old_chat_id is None:
            return
        with transaction(self._engine) as connection:
            move_chat(connection, old_chat_id, new_chat_id, now())
