"""The delivery ledger: one row for each reminder that has ended, written with its event.

A row is final, with one exception: proof of delivery that comes late turns `unknown` into `sent`.
What is written twice is stored and announced once.
"""

from typing import Literal

from sqlalchemy import Connection, Executable, delete, literal_column
from sqlalchemy.dialects.postgresql import insert

from services.notifier.linking.chat_links import SOURCE
from services.notifier.sending.delivery_states import Ended
from services.notifier.tables import DELIVERIES
from shared.contracts.events import (
    REMINDER_FAILED,
    REMINDER_SENT,
    ReminderDueV1,
    ReminderFailedV1,
    ReminderSentV1,
)
from shared.outbox.table import add_event

# Version 1 of a reminder is its `reminder.due`.
_VERSION = 2

FailedOutcome = Literal["refused", "unknown", "expired"]


def _upsert() -> Executable:
    """Return the statement that stores an end, or late proof in the place of `unknown`."""
    statement = insert(DELIVERIES)
    changed = ("outcome", "attempts", "sent_at", "telegram_message_id", "reason")
    late_proof = (DELIVERIES.c.outcome == "unknown") & (statement.excluded.outcome == "sent")
    return statement.on_conflict_do_update(
        index_elements=[DELIVERIES.c.reminder_id],
        set_={name: statement.excluded[name] for name in changed},
        where=late_proof,
    ).returning(literal_column("xmax = 0").label("is_new"))


# Made once: it runs for every reminder.
_UPSERT = _upsert()


def record(connection: Connection, reminder: ReminderDueV1, end: Ended) -> None:
    """Write how a reminder ended, and announce it, unless that is known already."""
    row = {
        "reminder_id": reminder.id,
        "account_id": reminder.account_id,
        "habit_id": reminder.habit_id,
        "local_date": reminder.local_date,
        "due_at": reminder.due_at,
        "received_at": end.first_at,
        "sent_at": end.at if end.outcome == "sent" else None,
        "outcome": end.outcome,
        "attempts": end.attempts,
        "telegram_message_id": end.telegram_message_id,
        "reason": end.reason,
    }
    is_new: bool | None = connection.scalar(_UPSERT, row)
    # Who has answered already knows: nobody else need hear of the reminder.
    if is_new is not None and end.outcome != "answered":
        _announce(connection, reminder, end, version=_VERSION if is_new else _VERSION + 1)


def erase_deliveries(connection: Connection, account_id: str) -> None:
    """Forget an account's reminders."""
    connection.execute(delete(DELIVERIES).where(DELIVERIES.c.account_id == account_id))


def _announce(connection: Connection, reminder: ReminderDueV1, end: Ended, *, version: int) -> None:
    if end.outcome == "sent":
        sent = ReminderSentV1(
            id=reminder.id,
            habit_id=reminder.habit_id,
            account_id=reminder.account_id,
            local_date=reminder.local_date,
            due_at=reminder.due_at,
            sent_at=end.at,
            attempts=end.attempts,
            version=version,
        )
        add_event(connection, SOURCE, REMINDER_SENT, reminder.id, sent)
        return
    failed = ReminderFailedV1(
        id=reminder.id,
        habit_id=reminder.habit_id,
        account_id=reminder.account_id,
        local_date=reminder.local_date,
        due_at=reminder.due_at,
        failed_at=end.at,
        outcome=_public_outcome(end),
        reason=end.reason or "",
        version=version,
    )
    add_event(connection, SOURCE, REMINDER_FAILED, reminder.id, failed)


def _public_outcome(end: Ended) -> FailedOutcome:
    if end.outcome in {"unknown", "expired"}:
        return "unknown" if end.outcome == "unknown" else "expired"
    return "refused"
