"""The tables of the habits database; the constraints make rows that break a rule impossible.

`streams` guards the version of each stream, `events` is the truth and append-only by trigger,
`habits` and `days` are the read model and can be rebuilt from `events`, `owners` serialises an
account's commands and remembers which accounts were erased, `account_time_zones` is what its
events told of its clock, `answered_requests`: see
shared.http.idempotency_keys.
"""

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    Uuid,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.database import new_metadata
from shared.http.idempotency_keys import define_idempotency_keys
from shared.outbox.table import define_outbox

metadata = new_metadata()
# The public list is searched by trigrams.
_TRIGRAMS = DDL("CREATE EXTENSION IF NOT EXISTS pg_trgm")  # type: ignore[no-untyped-call]
event.listen(metadata, "before_create", _TRIGRAMS)

owners = Table(
    "owners",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("erased_version", Integer),
)

streams = Table(
    "streams",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, nullable=False, index=True),
    Column("kind", Text, nullable=False, server_default="habit"),
    Column("version", Integer, nullable=False),
    Column("erased_at", DateTime(timezone=True)),
    CheckConstraint("version > 0", name="version"),
)

events = Table(
    "events",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("stream_id", Uuid, ForeignKey("streams.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("schema_version", SmallInteger, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("meta", JSONB, nullable=False),
    Column(
        "recorded_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    ),
    UniqueConstraint("stream_id", "version"),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint("schema_version > 0", name="schema_version"),
    # The streams of a habit, its own and its days'; the changes an account made of late.
    Index(
        "ix_events_habit_id_of_first",
        text("(data ->> 'habit_id')"),
        postgresql_where=text("version = 1"),
    ),
    Index("ix_events_actor_recorded_at", text("(meta ->> 'actor')"), "recorded_at"),
)

habits = Table(
    "habits",
    metadata,
    Column("id", Uuid, ForeignKey("streams.id"), primary_key=True),
    Column("owner_id", Uuid, nullable=False),
    Column("action", String(255), nullable=False),
    Column("place", String(255), nullable=False),
    Column("time", Time, nullable=False),
    Column("duration_seconds", SmallInteger, nullable=False),
    # What these cannot tell is in `times` and `schedule`, which are null otherwise.
    Column("period_days", SmallInteger),
    Column("times", ARRAY(Time)),
    Column("schedule", JSONB(none_as_null=True)),
    Column("created_on", Date),
    Column("start_date", Date),
    Column("end_date", Date),
    Column("paused_until", Date),
    Column("follow_up_minutes", SmallInteger),
    Column("is_pleasant", Boolean, nullable=False),
    Column("reward", String(255)),
    Column("linked_habit_id", Uuid, index=True),
    Column("is_published", Boolean, nullable=False),
    Column("target_value", Numeric(10, 3)),
    Column("unit", String(32)),
    Column("archived_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column(
        "timing_since",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    ),
    Column("version", Integer, nullable=False),
    CheckConstraint("duration_seconds BETWEEN 1 AND 120", name="duration"),
    CheckConstraint("period_days BETWEEN 1 AND 7", name="period"),
    CheckConstraint("(period_days IS NULL) = (schedule IS NOT NULL)", name="schedule"),
    CheckConstraint("cardinality(times) BETWEEN 2 AND 8 AND times[1] = time", name="times"),
    CheckConstraint("end_date >= start_date", name="dates"),
    CheckConstraint("follow_up_minutes BETWEEN 5 AND 720", name="follow_up"),
    CheckConstraint("reward IS NULL OR linked_habit_id IS NULL", name="reward_or_link"),
    CheckConstraint(
        "NOT is_pleasant OR (reward IS NULL AND linked_habit_id IS NULL)", name="pleasant"
    ),
    CheckConstraint("linked_habit_id <> id", name="not_linked_to_itself"),
    CheckConstraint("target_value > 0", name="target_value"),
    CheckConstraint("target_value IS NULL OR unit IS NOT NULL", name="target_with_unit"),
    Index("ix_habits_owner_id_created_at_id", "owner_id", "created_at", "id"),
    Index(
        "ix_habits_public_created_at_id",
        "created_at",
        "id",
        postgresql_where=text("is_published AND archived_at IS NULL"),
    ),
    Index(
        "ix_habits_public_search",
        "action",
        "place",
        postgresql_using="gin",
        postgresql_ops={"action": "gin_trgm_ops", "place": "gin_trgm_ops"},
        postgresql_where=text("is_published AND archived_at IS NULL"),
    ),
)

# How often others have copied a published habit.
habit_copies = Table(
    "habit_copies",
    metadata,
    Column("habit_id", Uuid, ForeignKey("streams.id"), primary_key=True),
    Column("copies", Integer, nullable=False),
)

days = Table(
    "days",
    metadata,
    Column("id", Uuid, ForeignKey("streams.id"), primary_key=True),
    Column("habit_id", Uuid, ForeignKey("streams.id"), nullable=False),
    Column("owner_id", Uuid, nullable=False, index=True),
    Column("date", Date, nullable=False),
    Column("status", Text, nullable=False),
    Column("value", Numeric(10, 3)),
    Column("target_value", Numeric(10, 3)),
    Column("unit", String(32)),
    Column("slots", JSONB, nullable=False),
    Column("note", String(1000)),
    Column("channel", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("habit_id", "date"),
    CheckConstraint("status IN ('done', 'skipped', 'partial')", name="status"),
    CheckConstraint("channel IN ('api', 'telegram', 'import')", name="channel"),
    CheckConstraint("value > 0", name="value"),
)

# Every time zone an account has had, and the hour its days began at: the first date of a habit is a
# date of the zone of its creation.
account_time_zones = Table(
    "account_time_zones",
    metadata,
    Column("account_id", Uuid, ForeignKey("owners.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("day_starts_at", SmallInteger, nullable=False, server_default="0"),
)

# One row: which forms of events every process of a rollout can read.
writing_level = Table("writing_level", metadata, Column("level", SmallInteger, primary_key=True))

define_idempotency_keys(metadata)

# What was pressed below reminders and has been handled: each command once, however often it comes.
handled_commands = Table(
    "handled_commands",
    metadata,
    Column("command_id", Text, primary_key=True),
    Column("account_id", Uuid, ForeignKey("owners.id"), nullable=False, index=True),
    # Of the day that was answered for; an undo names none.
    Column("habit_id", Uuid),
    Column("date", Date),
    # When it was pressed: an earlier press must not overrule a later one that came first.
    Column("pressed_at", DateTime(timezone=True), nullable=False),
    Index("ix_handled_commands_habit_id_date", "habit_id", "date"),
)

# Files that are taken in: `next_part` says how far, `payload` is the file while it is needed.
imports = Table(
    "imports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", Uuid, ForeignKey("owners.id"), nullable=False, index=True),
    Column("status", Text, nullable=False),
    Column("payload", LargeBinary),
    Column("default_time", Text, nullable=False),
    Column("default_place", Text, nullable=False),
    Column("next_part", Integer, nullable=False, server_default="0"),
    Column("imported", Integer, nullable=False, server_default="0"),
    Column("rejected", JSONB, nullable=False, server_default=text("'[]'")),
    Column("created_at", DateTime(timezone=True), nullable=False, index=True),
    CheckConstraint("status IN ('pending', 'running', 'done', 'failed')", name="status"),
)

outbox = define_outbox(metadata)
