"""Sends the reminders of the queue `reminders`, each once, to the chat that is linked now.

What is due together comes together and goes out as one message, or as few as Telegram allows. A
single `reminder.due.v1` is a group of one.

A reminder ends with its state, its row in the ledger, the event that tells of it and, when the
chat is gone, the blocked link: one transaction.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine

from services.notifier.answers.heard_days import answered_among
from services.notifier.answers.reminder_messages import buttons_of
from services.notifier.bot_texts import BotTexts
from services.notifier.linking.chat_links import linked_chat
from services.notifier.metrics import LAG
from services.notifier.reminders.crowded_accounts import CrowdedAccounts, delay_seconds
from services.notifier.reminders.due_together import RemindersOwner, identity_of, read_due_together
from services.notifier.reminders.reminder_texts import ReminderMessage, reminder_messages
from services.notifier.sending import delivery_states
from services.notifier.sending.delivery import DeliveryDesk
from services.notifier.sending.delivery_states import Ends, Outcome
from services.notifier.sending.envelopes import ChatWaits, Envelope, NotYet
from services.notifier.telegram.client import Button
from services.notifier.translations import Translations
from shared.contracts.events import ReminderDueV1
from shared.contracts.reminder_group import RemindersDueTogetherV1
from shared.instants import now
from shared.messaging.deliveries import Delivery, RetryLater
from shared.process.structured_logs import get_logger

_KIND = "reminder"
# Others wait, too: a group that takes longer comes again for its other messages.
_LONGEST_AT_ONCE_SECONDS = 10.0

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Left:
    """What of a group may be sent, to which chat if one is linked, and what others have in hand."""

    reminders: tuple[ReminderDueV1, ...]
    answered: tuple[ReminderDueV1, ...]
    chat_id: int | None
    vanished: list[str]
    busy_seconds: float | None


class ReminderConsumer:
    """Handles one message of the queue."""

    def __init__(self, engine: Engine, desk: DeliveryDesk, translations: Translations) -> None:
        # Each look-up is a statement of its own; what it found is checked again before the request.
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._desk = desk
        self._translations = translations
        self._crowded = CrowdedAccounts()

    async def handle(self, delivery: Delivery) -> None:
        """Bring all reminders of a message to their end. Raises RetryLater, UnreadableMessage."""
        group = read_due_together(delivery)
        if self._crowded.contains(group.account_id) and now() < group.not_after:
            raise RetryLater(delay_seconds(), "others of the account wait already")
        while await self._end_what_is_left(group):
            pass

    async def _end_what_is_left(self, group: RemindersDueTogetherV1) -> bool:
        """Bring what may be sent to its end; return whether to look again at what is left."""
        left = await asyncio.to_thread(self._look_up, group)
        if left.vanished:
            owner = RemindersOwner(group.account_id, None, group.reminders)
            await self._desk.give_up(_KIND, left.vanished, owner)
            return True
        if left.answered:
            await self._end_unsent(group, left.answered, "answered", "its day is recorded")
        if left.reminders:
            return await self._end_left(group, left) or left.busy_seconds is not None
        if left.busy_seconds is not None:
            raise RetryLater(left.busy_seconds, "another worker has it")
        return False

    def _look_up(self, group: RemindersDueTogetherV1) -> _Left:
        with self._reading.connect() as connection:
            known = delivery_states.look(connection, list(map(identity_of, group.reminders)))
            chat_id = linked_chat(connection, group.account_id)
            answered = answered_among(connection, group.reminders)
        unended = [each for each in group.reminders if known.is_open(identity_of(each))]
        return _Left(
            tuple(each for each in unended if each.id not in answered),
            tuple(each for each in unended if each.id in answered),
            chat_id,
            known.vanished,
            max(known.busy_seconds.values(), default=None),
        )

    async def _end_left(self, group: RemindersDueTogetherV1, left: _Left) -> bool:
        """Send all messages, or end all unsent; return whether to look again."""
        if now() > group.not_after:
            return await self._end_unsent(group, left.reminders, "expired", "its time has passed")
        if left.chat_id is None:
            return await self._end_unsent(group, left.reminders, "no_chat", "no chat is linked")
        ids = {each.id for each in left.reminders}
        catalogue = self._translations.of(group.locale)
        began = time.monotonic()
        for number, message in enumerate(reminder_messages(group.reminders, catalogue, ids)):
            if number and time.monotonic() - began > _LONGEST_AT_ONCE_SECONDS:
                raise RetryLater(1, "the rest of a large group")
            ends = await self._send(group, message, left.chat_id)
            if any(end.outcome == "chat_gone" for end in ends.values()):
                return True
        return False

    async def _send(
        self, group: RemindersDueTogetherV1, message: ReminderMessage, chat_id: int
    ) -> Ends:
        """Send one message. Raises RetryLater when it is not its turn, or something has changed."""
        buttons = buttons_of(message, BotTexts(self._translations.of(group.locale)))
        ends = await self._desk.deliver(
            _envelope(group, message.reminders, chat_id, message.text, buttons),
            RemindersOwner(
                group.account_id, chat_id, message.reminders, message, self._translations
            ),
        )
        if isinstance(ends, ChatWaits):
            self._crowded.note(group.account_id, ends.delay_seconds)
        if isinstance(ends, NotYet):
            raise RetryLater(ends.delay_seconds, ends.reason)
        _report(message.reminders, ends)
        return ends

    async def _end_unsent(
        self,
        group: RemindersDueTogetherV1,
        reminders: tuple[ReminderDueV1, ...],
        outcome: Outcome,
        reason: str,
    ) -> bool:
        ends = await self._desk.end_unsent(
            _envelope(group, reminders, 0, ""),
            RemindersOwner(group.account_id, None, reminders),
            outcome,
            reason,
        )
        _report(reminders, ends)
        return False


def _envelope(
    group: RemindersDueTogetherV1,
    reminders: Iterable[ReminderDueV1],
    chat_id: int,
    text: str,
    buttons: tuple[Button, ...] = (),
) -> Envelope:
    return Envelope(
        identities=tuple(map(identity_of, reminders)),
        account_id=group.account_id,
        kind=_KIND,
        chat_id=chat_id,
        text=text,
        buttons=buttons,
        not_after=group.not_after,
    )


def _report(reminders: Iterable[ReminderDueV1], ends: Ends) -> None:
    """Log how reminders ended, and measure how late they came."""
    for reminder in reminders:
        if end := ends.get(identity_of(reminder)):
            lag_seconds = (end.at - reminder.due_at).total_seconds()
            if end.outcome == "sent":
                LAG.observe(max(lag_seconds, 0))
            _log.info(
                "reminder ended",
                reminder_id=reminder.id,
                outcome=end.outcome,
                lag_seconds=round(lag_seconds, 3),
            )
