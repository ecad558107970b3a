"""The delivery ledger: one row for each reminder that has ended, written with its event.

A row is final, with one exception: proof of delivery that comes late turns `unknown` into `sent`.
What is written twice is stored and announced once.
"""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Connection, Executable, delete, literal_column
from sqlalchemy.dialects.postgresql import insert

from services.notifier.linking.chat_links import SOURCE
from services.notifier.sending.delivery_states import Ended
from services.notifier.tables import DELIVERIES
from shared.contracts.events import (
    REMINDER_FAILED,
    REMINDER_SENT,
    EventBody,
    ReminderDueV1,
    ReminderFailedV1,
    ReminderSentV1,
)
from shared.outbox.table import add_events

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
    ).returning(DELIVERIES.c.reminder_id, literal_column("xmax = 0").label("is_new"))


# Made once: it runs for every message.
_UPSERT = _upsert()


def record(connection: Connection, ends: Sequence[tuple[ReminderDueV1, Ended]]) -> None:
    """Write how reminders ended, and announce it, unless that is known already."""
    if not ends:
        return
    rows = connection.execute(_UPSERT, [_row(reminder, end) for reminder, end in ends]).all()
    is_new = {row.reminder_id: row.is_new for row in rows}
    add_events(
        connection,
        SOURCE,
        [
            _event(reminder, end, version=_VERSION if is_new[reminder.id] else _VERSION + 1)
            for reminder, end in ends
            # Who has answered already knows: nobody else need hear of the reminder.
            if reminder.id in is_new and end.outcome != "answered"
        ],
    )


def erase_deliveries(connection: Connection, account_id: str) -> None:
    """Forget an account's reminders."""
    connection.execute(delete(DELIVERIES).where(DELIVERIES.c.account_id == account_id))


def _row(reminder: ReminderDueV1, end: Ended) -> dict[str, Any]:
    return {
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


def _event(reminder: ReminderDueV1, end: Ended, *, version: int) -> tuple[str, str, EventBody]:
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
        return REMINDER_SENT, reminder.id, sent
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
    return REMINDER_FAILED, reminder.id, failed


def _public_outcome(end: Ended) -> FailedOutcome:
    if end.outcome in {"unknown", "expired"}:
        return "unknown" if end.outcome == "unknown" else "expired"
    return "refused"
