"""The scheduler's tables: who is reminded, of what, when next, and what has been announced already.

A habit is on the schedule exactly when its `next_due_at` is set; the partial index on it makes
finding due habits cost what is due, not what is stored. The primary key of `reminders` is the
promise that a habit is announced at most once for a local date and slot.

What comes at an instant of its own (after a snooze, a follow-up, at the end of quiet hours) waits
in `waiting_reminders`; a row goes when it is announced.

Columns that may be null although they matter are null in rows of the release before.
"""

from datetime import datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Time,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.database import new_metadata
from shared.outbox.table import define_outbox

METADATA = new_metadata()

OUTBOX = define_outbox(METADATA)


def _heard_at() -> Column[datetime]:
    return Column(
        "heard_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    )


# One row for each account heard of, by whatever event came first: until its own event comes it is
# a placeholder with version 0, and it is what every change of an account's schedule locks. It
# stays, emptied, as the tombstone of a deleted account.
ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("deleted", Boolean, nullable=False, server_default=false()),
    Column("time_zone", Text),
    Column("locale", Text),
    Column("is_active", Boolean, nullable=False, server_default=false()),
    # Since when the time zone and the activity are what they are.
    Column("settings_since", DateTime(timezone=True)),
    Column("link_version", Integer, nullable=False, server_default="0"),
    Column("is_linked", Boolean, nullable=False, server_default=false()),
    Column("linked_since", DateTime(timezone=True)),
    Column("quiet_from", Time),
    Column("quiet_to", Time),
    # When the account last said until when it wants no reminders, and until when.
    Column("muted_at", DateTime(timezone=True)),
    Column("muted_until", DateTime(timezone=True)),
    CheckConstraint(
        "NOT is_active OR (time_zone IS NOT NULL AND locale IS NOT NULL"
        " AND settings_since IS NOT NULL)",
        name="active_has_settings",
    ),
    CheckConstraint("NOT is_linked OR linked_since IS NOT NULL", name="linked_has_instant"),
    CheckConstraint("NOT deleted OR NOT (is_active OR is_linked)", name="deleted_is_silent"),
)

# Every time zone an account has had: the day of a habit's creation is a date of the zone of that
# moment. Each table of versions tells what has been due before the newest one, too.
ACCOUNT_TIME_ZONES = Table(
    "account_time_zones",
    METADATA,
    Column(
        "account_id", Text, ForeignKey("accounts.account_id", ondelete="CASCADE"), primary_key=True
    ),
    Column("version", Integer, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("time_zone", Text, nullable=False),
    # Null in rows from before it was kept.
    Column("is_active", Boolean),
)

ACCOUNT_LINKS = Table(
    "account_links",
    METADATA,
    Column(
        "account_id", Text, ForeignKey("accounts.account_id", ondelete="CASCADE"), primary_key=True
    ),
    Column("version", Integer, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("is_linked", Boolean, nullable=False),
    _heard_at(),
    Index("ix_account_links_heard_at", "heard_at"),
)

HABITS = Table(
    "habits",
    METADATA,
    Column("habit_id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.account_id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("action", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("reward", Text),
    Column("linked_habit_id", Text),
    Column("is_pleasant", Boolean, nullable=False),
    Column("target_value", Numeric),
    Column("unit", Text),
    Column("follow_up_minutes", SmallInteger),
    Column("is_archived", Boolean, nullable=False, server_default=false()),
    Column("local_time", Time, nullable=False),
    Column("period_days", SmallInteger, nullable=False),
    # Null when time and period say it all; see `timing`.
    Column("timing", JSONB(none_as_null=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # Since when timing, kind and archive are what they are.
    Column("timing_since", DateTime(timezone=True), nullable=False),
    Column("anchor_date", Date),
    Column("next_local_date", Date),
    Column("next_slot", SmallInteger),
    Column("next_due_at", DateTime(timezone=True)),
    Column("last_local_date", Date),
    # See `announced`.
    Column("last_slots", Integer),
    Column("tzdata_version", Text),
    Column("parked_reason", Text),
    CheckConstraint("version > 0", name="version_positive"),
    CheckConstraint("period_days > 0", name="period_positive"),
    CheckConstraint(
        "(next_due_at IS NULL) = (next_local_date IS NULL)", name="next_date_with_instant"
    ),
    CheckConstraint(
        "next_due_at IS NULL OR (NOT deleted AND NOT is_pleasant AND parked_reason IS NULL"
        " AND anchor_date IS NOT NULL AND tzdata_version IS NOT NULL)",
        name="scheduled_is_wanted",
    ),
    Index("ix_habits_account_id", "account_id"),
    Index(
        "ix_habits_account_id_next_due_at",
        "account_id",
        "next_due_at",
        postgresql_where=text("next_due_at IS NOT NULL"),
    ),
    Index("ix_habits_due", "next_due_at", postgresql_where=text("next_due_at IS NOT NULL")),
    Index("ix_habits_parked", "habit_id", postgresql_where=text("parked_reason IS NOT NULL")),
    # Rows are rewritten at each reminder: leave room for the new version on the same page.
    postgresql_with={"fillfactor": 80},
)

HABIT_TIMINGS = Table(
    "habit_timings",
    METADATA,
    Column("habit_id", Text, ForeignKey("habits.habit_id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("local_time", Time, nullable=False),
    Column("period_days", SmallInteger, nullable=False),
    Column("timing", JSONB(none_as_null=True)),
    Column("is_reminded", Boolean, nullable=False),
    _heard_at(),
    Index("ix_habit_timings_heard_at", "heard_at"),
)

REMINDERS = Table(
    "reminders",
    METADATA,
    Column("habit_id", Text, ForeignKey("habits.habit_id", ondelete="CASCADE"), primary_key=True),
    Column("local_date", Date, primary_key=True),
    Column("slot", SmallInteger, primary_key=True, server_default="0", autoincrement=False),
    # See `reminder_messages`: empty for the first of a date and slot.
    Column("again", Text, primary_key=True, server_default=""),
    Column("outcome", Text, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column(
        "recorded_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    ),
    CheckConstraint("outcome IN ('due', 'missed', 'answered', 'muted')", name="outcome_known"),
    Index("ix_reminders_recorded_at", "recorded_at"),
)

WAITING_REMINDERS = Table(
    "waiting_reminders",
    METADATA,
    Column("habit_id", Text, ForeignKey("habits.habit_id", ondelete="CASCADE"), primary_key=True),
    Column("local_date", Date, primary_key=True),
    Column("slot", SmallInteger, primary_key=True, autoincrement=False),
    Column("again", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("local_time", Time, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    # It has been due, and waits for the end of quiet hours.
    Column("is_held", Boolean, nullable=False),
    Index("ix_waiting_reminders_due_at", "due_at"),
    Index("ix_waiting_reminders_account_id_due_at", "account_id", "due_at"),
)

# What has been heard of a habit's date, from `habit.day_*`; it may come before its habit.
HEARD_DAYS = Table(
    "heard_days",
    METADATA,
    Column("habit_id", Text, primary_key=True),
    Column("local_date", Date, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    # Null when nothing is recorded any more.
    Column("status", Text),
    # A bit for each slot that is done.
    Column("done_slots", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    _heard_at(),
    Index("ix_heard_days_heard_at", "heard_at"),
    CheckConstraint("status IN ('done', 'skipped', 'partial')", name="status_known"),
)

HANDLED_COMMANDS = Table(
    "handled_commands",
    METADATA,
    Column("command_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    Column(
        "handled_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    ),
    Index("ix_handled_commands_handled_at", "handled_at"),
)
