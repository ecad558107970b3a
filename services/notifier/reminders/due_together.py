"""An account's reminders that are due together: how they come, and what is kept of their ends."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from services.notifier.accounts import share_account
from services.notifier.linking.chat_links import block, linked_chat
from services.notifier.reminders import ledger
from services.notifier.sending.delivery_states import Ends
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

    def may_send(self, connection: Connection) -> bool:
        """Whether the chat is still the account's, which stays until the transaction ends."""
        return self.lock(connection) and linked_chat(connection, self.account_id) == self.chat_id

    def lock(self, connection: Connection) -> bool:
        """Keep the account from being erased; False when it has been."""
        return not share_account(connection, self.account_id).deleted

    def record(self, connection: Connection, ends: Ends) -> None:
        """Write ledger and events, and that the chat is gone when it is."""
        for reminder in self.reminders:
            if end := ends.get(identity_of(reminder)):
                ledger.record(connection, reminder, end)
        chat_is_gone = any(end.outcome == "chat_gone" for end in ends.values())
        if chat_is_gone and self.chat_id is not None:
            block(connection, self.chat_id, now())
