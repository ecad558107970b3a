"""An account's reminders that are due together: how they come, and what is kept of their ends."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from services.notifier.accounts import share_account
from services.notifier.answers.day_events import show
from services.notifier.answers.heard_days import answered_among, is_any_heard, lock_answers
from services.notifier.answers.reminder_messages import Place, note_begun, note_sent
from services.notifier.linking.chat_links import block, linked_chat
from services.notifier.reminders import ledger
from services.notifier.reminders.reminder_texts import ReminderMessage
from services.notifier.sending.delivery_states import Ends
from services.notifier.translations import Translations
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.events import ReminderDueV1
from shared.contracts.reminder_group import RemindersDueTogetherV1, read_group
from shared.instants import now
from shared.messaging.deliveries import Delivery

_EVENT_TYPE_HEADER = "cloudEvents:type"


def read_due_together(delivery: Delivery) -> RemindersDueTogetherV1:
    """Read a message of the queue `reminders`: a group, or one event. Raises UnreadableMessage."""
    if _EVENT_TYPE_HEADER not in delivery.headers:
        return read_group(delivery.body)
    event = delivery.event()
    reminder = event.body
    if not isinstance(reminder, ReminderDueV1):
        raise UnreadableMessage(f"{event.type} is not a reminder")
    return RemindersDueTogetherV1(
        account_id=reminder.account_id,
        due_at=reminder.due_at,
        not_after=reminder.not_after,
        locale=reminder.locale,
        reminders=(reminder,),
    )


def identity_of(reminder: ReminderDueV1) -> str:
    """Return the name of a reminder among the messages to Telegram."""
    return f"reminder:{reminder.id}"


@dataclass(frozen=True, slots=True)
class RemindersOwner:
    """The account whose reminders they are, and the chat they are meant for."""

    account_id: str
    chat_id: int | None
    reminders: Iterable[ReminderDueV1]
    message: ReminderMessage | None = None
    translations: Translations | None = None

    def may_send(self, connection: Connection) -> bool:
        """Whether the chat is still the account's, and nothing has been answered meanwhile.

        That stays so until the transaction ends; what is about to be sent is noted in it.
        """
        if not self.lock(connection) or linked_chat(connection, self.account_id) != self.chat_id:
            return False
        if self.message is None or self.chat_id is None:
            return True
        lock_answers(connection, self.account_id)
        if answered_among(connection, self.reminders):
            return False
        note_begun(connection, self.chat_id, self.message)
        return True

    def lock(self, connection: Connection) -> bool:
        """Keep the account from being erased; False when it has been."""
        return not share_account(connection, self.account_id).deleted

    def record(self, connection: Connection, ends: Ends) -> None:
        """Write ledger and events, and that the chat is gone when it is."""
        ledger.record(
            connection,
            [
                (reminder, end)
                for reminder in self.reminders
                if (end := ends.get(identity_of(reminder)))
            ],
        )
        self._show_answers(connection, ends)
        chat_is_gone = any(end.outcome == "chat_gone" for end in ends.values())
        if chat_is_gone and self.chat_id is not None:
            block(connection, self.chat_id, now())

    def _show_answers(self, connection: Connection, ends: Ends) -> None:
        """Note which message it became, and show what was answered while it was being sent."""
        if self.chat_id is None or self.translations is None:
            return
        sent = {
            reminder.id: end.telegram_message_id
            for reminder in self.reminders
            if (end := ends.get(identity_of(reminder))) and end.telegram_message_id is not None
        }
        if not sent:
            return
        [message_id] = set(sent.values())
        lock_answers(connection, self.account_id)
        note_sent(connection, sent, message_id)
        if is_any_heard(connection, self.reminders):
            place = Place(self.chat_id, message_id)
            show(connection, self.account_id, place, self.translations)
