"""The notifier's tables; impossible rows are refused by constraints.

- `accounts`: language and tombstone of each account, from `account.*`.
- `chat_links`: at most one chat an account and one account a chat.
- `link_requests`: the one open request of an account; its code is stored as a hash only.
- `answered_requests`: see shared.http.idempotency_keys.
- `handled_updates`: ids of Telegram's updates whose effects are committed.
- `unhandled_updates`: updates that a bug of ours could not handle, whole.
- `hints`: what a chat has just been explained.
- `delivery_states`: what may still be sent, and what must not: one row a message that was begun.
- `deliveries`: the ledger, one row a reminder that has ended.
- `reminder_messages`: what each reminder looks like in its message, to edit it; and its buttons.
- `heard_days`: what the notifier has heard of a habit's date, from `habit.day_*`.
- `open_questions`: what chats have asked other services for, until the reply is told.
- `outbox`: see shared.outbox.table.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    Text,
    Time,
    false,
    func,
)

from shared.database import new_metadata
from shared.http.idempotency_keys import define_idempotency_keys
from shared.outbox.table import define_outbox

METADATA = new_metadata()

ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("locale", Text),
    Column("deleted", Boolean, nullable=False, server_default=false()),
    Column("version", Integer, nullable=False, server_default="0"),
)

CHAT_LINKS = Table(
    "chat_links",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("chat_id", BigInteger, unique=True),
    Column("status", Text, nullable=False),
    Column("linked_at", DateTime(timezone=True)),
    # Since when reminders have gone to some chat of the account without a break.
    Column("linked_since", DateTime(timezone=True)),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    # The instant Telegram gave the last "blocked" or "unblocked" of this chat.
    Column("membership_at", DateTime(timezone=True)),
    Column("version", Integer, nullable=False),
    CheckConstraint("status IN ('linked', 'unlinked', 'blocked')", name="status_known"),
    CheckConstraint("(status = 'unlinked') = (chat_id IS NULL)", name="chat_unless_unlinked"),
    CheckConstraint("(chat_id IS NULL) = (linked_at IS NULL)", name="linked_at_with_chat"),
    CheckConstraint("version > 0", name="version_positive"),
)

LINK_REQUESTS = Table(
    "link_requests",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("code_hash", LargeBinary, nullable=False, unique=True),
    # Null: any private chat may use the code. Otherwise only this chat may answer.
    Column("chat_id", BigInteger),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("octet_length(code_hash) = 32", name="code_hash_is_sha256"),
)

HANDLED_UPDATES = Table(
    "handled_updates",
    METADATA,
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    Column("handled_at", DateTime(timezone=True), nullable=False),
    Index("ix_handled_updates_handled_at", "handled_at"),
)

UNHANDLED_UPDATES = Table(
    "unhandled_updates",
    METADATA,
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    # As Telegram sent it.
    Column("raw", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("failed_at", DateTime(timezone=True), nullable=False),
)

HINTS = Table(
    "hints",
    METADATA,
    Column("chat_id", BigInteger, primary_key=True, autoincrement=False),
    Column("hint", Text, primary_key=True),
    Column("given_at", DateTime(timezone=True), nullable=False),
)

DELIVERY_STATES = Table(
    "delivery_states",
    METADATA,
    # `reminder:<id>`, `reply:<id>`, `question:<id>`.
    Column("identity", Text, primary_key=True),
    # Whose erasure takes the row away; null for what the bot says by itself.
    Column("account_id", Text, index=True),
    Column("state", Text, nullable=False),
    # Who began to send it last.
    Column("token", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column(
        "first_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    ),
    Column(
        "changed_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    ),
    # Until when its sender may still say what became of it.
    Column("until", DateTime(timezone=True)),
    Column("telegram_message_id", BigInteger),
    Column("reason", Text),
    Index("ix_delivery_states_changed_at", "changed_at"),
    CheckConstraint(
        "state IN ('sending', 'retry',"
        " 'sent', 'refused', 'chat_gone', 'no_chat', 'expired', 'unknown', 'answered')",
        name="state_known",
    ),
    CheckConstraint("(state = 'sending') = (until IS NOT NULL)", name="until_while_sending"),
    CheckConstraint("(state = 'sent') = (telegram_message_id IS NOT NULL)", name="sent_has_proof"),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("reminder_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    Column("habit_id", Text, nullable=False),
    Column("local_date", Date, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("sent_at", DateTime(timezone=True)),
    Column("outcome", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("telegram_message_id", BigInteger),
    Column("reason", Text),
    Index("ix_deliveries_received_at", "received_at"),
    CheckConstraint(
        "outcome IN ('sent', 'refused', 'chat_gone', 'no_chat', 'expired', 'unknown', 'answered')",
        name="outcome_known",
    ),
    CheckConstraint(
        "(outcome = 'sent') = (sent_at IS NOT NULL AND telegram_message_id IS NOT NULL)",
        name="sent_has_proof",
    ),
)

REMINDER_MESSAGES = Table(
    "reminder_messages",
    METADATA,
    Column("reminder_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    Column("habit_id", Text, nullable=False),
    Column("local_date", Date, nullable=False),
    Column("slot", Integer, nullable=False),
    Column("chat_id", BigInteger, nullable=False),
    # Null until Telegram, or a press, has told it.
    Column("telegram_message_id", BigInteger),
    # Its number in a message with several, 0 when it is alone.
    Column("number", Integer, nullable=False),
    # The line above several.
    Column("heading", Text),
    Column("part", Text, nullable=False),
    Column("locale", Text, nullable=False),
    # The habit's target, if it has one.
    Column("target_value", Numeric(asdecimal=False)),
    Column("unit", Text),
    # Null in rows from before it was kept.
    Column("time_zone", Text),
    # Whether it asks when it is to come again, and the time on the wall when it will.
    Column("asks_snooze", Boolean, nullable=False, server_default=false()),
    Column("asleep_until", Time),
    Column("begun_at", DateTime(timezone=True), nullable=False),
    Index("ix_reminder_messages_habit_id_local_date", "habit_id", "local_date"),
    Index("ix_reminder_messages_chat_id_telegram_message_id", "chat_id", "telegram_message_id"),
    Index("ix_reminder_messages_begun_at", "begun_at"),
)

HEARD_DAYS = Table(
    "heard_days",
    METADATA,
    Column("habit_id", Text, primary_key=True),
    Column("local_date", Date, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    # Null when nothing is recorded any more.
    Column("status", Text),
    # Which of the day's times are done, counted from 0.
    Column("done_slots", ARRAY(Integer), nullable=False, server_default="{}"),
    Column("value", Numeric(asdecimal=False)),
    Column("target_value", Numeric(asdecimal=False)),
    Column("unit", Text),
    Column("channel", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("heard_at", DateTime(timezone=True), nullable=False),
    Index("ix_heard_days_heard_at", "heard_at"),
    CheckConstraint("status IN ('done', 'skipped', 'partial')", name="status_known"),
)

OPEN_QUESTIONS = Table(
    "open_questions",
    METADATA,
    Column("command_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    Column("chat_id", BigInteger, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Index("ix_open_questions_asked_at", "asked_at"),
)

define_idempotency_keys(METADATA)
define_outbox(METADATA)
