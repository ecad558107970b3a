"""The delivery ledger: one row for each reminder that has ended, written with its event.

A row is final, with one exception: proof of delivery that comes late turns `unknown` into `sent`.
What is written twice is stored and announced once.
"""

from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from services.notifier.linking.chat_links import SOURCE
from services.notifier.sending.message_states import Done, Refused, Settled, Unknown
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


def is_settled(connection: Connection, reminder_id: str) -> bool:
    """Whether the reminder has ended; also true after Redis has lost its record."""
    query = select(DELIVERIES.c.reminder_id).where(DELIVERIES.c.reminder_id == reminder_id)
    return connection.scalar(query) is not None


def record(connection: Connection, reminder: ReminderDueV1, end: Settled) -> bool:
    """Write how a reminder ended, and announce it; False when that is known already."""
    columns = _columns(end)
    statement = insert(DELIVERIES).values(
        reminder_id=reminder.id,
        account_id=reminder.account_id,
        habit_id=reminder.habit_id,
        local_date=reminder.local_date,
        due_at=reminder.due_at,
        received_at=end.first_claimed_at,
        attempts=end.attempts,
        **columns,
    )
    late_proof = (DELIVERIES.c.outcome == "unknown") & (statement.excluded.outcome == "sent")
    row: Row[Any] | None = connection.execute(
        statement.on_conflict_do_update(
            index_elements=[DELIVERIES.c.reminder_id],
            set_={"attempts": end.attempts, **columns},
            where=late_proof,
        ).returning(literal_column("xmax = 0").label("is_new"))
    ).one_or_none()
    if row is None:
        return False
    _announce(connection, reminder, end, version=_VERSION if row.is_new else _VERSION + 1)
    return True


def erase_deliveries(connection: Connection, account_id: str) -> None:
    """Forget an account's reminders."""
    connection.execute(delete(DELIVERIES).where(DELIVERIES.c.account_id == account_id))


def _columns(end: Settled) -> dict[str, Any]:
    match end:
        case Done():
            return {
                "outcome": "sent",
                "sent_at": end.at,
                "telegram_message_id": end.telegram_message_id,
                "reason": None,
            }
        case Refused():
            return {"outcome": end.outcome, "reason": end.reason}
        case Unknown():
            return {"outcome": "unknown", "reason": end.reason}


def _announce(
    connection: Connection, reminder: ReminderDueV1, end: Settled, *, version: int
) -> None:
    if isinstance(end, Done):
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
        reason=end.reason,
        version=version,
    )
    add_event(connection, SOURCE, REMINDER_FAILED, reminder.id, failed)


def _public_outcome(end: Refused | Unknown) -> FailedOutcome:
    if isinstance(end, Unknown):
        return "unknown"
    return "expired" if end.outcome == "expired" else "refused"
