"""The event store, the read model, the owners and the outbox.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)

# Events are never changed. They are deleted only where a transaction says that it erases an
# account (SET LOCAL habits.erasure = 'on'), so that no stray DELETE can rewrite history.
_APPEND_ONLY = """
CREATE FUNCTION events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('habits.erasure', true) = 'on' THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
  FOR EACH STATEMENT EXECUTE FUNCTION events_are_append_only();
"""


def upgrade() -> None:
    op.create_table(
        "owners",
        sa.Column("id", sa.Uuid),
        sa.Column("erased_version", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_owners"),
    )
    _create_event_store()
    _create_read_model()
    _create_outbox()


def _create_event_store() -> None:
    op.create_table(
        "streams",
        sa.Column("id", sa.Uuid),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("erased_at", _INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_streams"),
        sa.CheckConstraint("version > 0", name="ck_streams_version"),
    )
    op.create_index("ix_streams_owner_id", "streams", ["owner_id"])
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True)),
        sa.Column("stream_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("schema_version", sa.SmallInteger, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.Column("meta", JSONB, nullable=False),
        sa.Column(
            "recorded_at", _INSTANT, nullable=False, server_default=sa.func.clock_timestamp()
        ),
        sa.PrimaryKeyConstraint("position", name="pk_events"),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.id"], name="fk_events_stream_id_streams"),
        sa.UniqueConstraint("stream_id", "version", name="uq_events_stream_id_version"),
        sa.UniqueConstraint("event_id", name="uq_events_event_id"),
        sa.CheckConstraint("version > 0", name="ck_events_version"),
        sa.CheckConstraint("schema_version > 0", name="ck_events_schema_version"),
    )
    op.execute(_APPEND_ONLY)


def _create_read_model() -> None:
    op.create_table(
        "habits",
        sa.Column("id", sa.Uuid),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("action", sa.String(255), nullable=False),
        sa.Column("place", sa.String(255), nullable=False),
        sa.Column("time", sa.Time, nullable=False),
        sa.Column("duration_seconds", sa.SmallInteger, nullable=False),
        sa.Column("period_days", sa.SmallInteger, nullable=False),
        sa.Column("is_pleasant", sa.Boolean, nullable=False),
        sa.Column("reward", sa.String(255)),
        sa.Column("linked_habit_id", sa.Uuid),
        sa.Column("is_published", sa.Boolean, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_habits"),
        sa.ForeignKeyConstraint(["id"], ["streams.id"], name="fk_habits_id_streams"),
        sa.CheckConstraint("duration_seconds BETWEEN 1 AND 120", name="ck_habits_duration"),
        sa.CheckConstraint("period_days BETWEEN 1 AND 7", name="ck_habits_period"),
        sa.CheckConstraint(
            "reward IS NULL OR linked_habit_id IS NULL", name="ck_habits_reward_or_link"
        ),
        sa.CheckConstraint(
            "NOT is_pleasant OR (reward IS NULL AND linked_habit_id IS NULL)",
            name="ck_habits_pleasant",
        ),
        sa.CheckConstraint("linked_habit_id <> id", name="ck_habits_not_linked_to_itself"),
    )
    op.create_index("ix_habits_owner_id_created_at_id", "habits", ["owner_id", "created_at", "id"])
    op.create_index("ix_habits_linked_habit_id", "habits", ["linked_habit_id"])
    op.create_index(
        "ix_habits_published_created_at_id",
        "habits",
        ["created_at", "id"],
        postgresql_where=sa.text("is_published"),
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True)),
        sa.Column("shard", sa.SmallInteger, nullable=False),
        sa.Column("ordering_key", sa.Text, nullable=False),
        sa.Column("message_id", sa.Uuid, nullable=False),
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("routing_key", sa.Text, nullable=False),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.Column(
            "recorded_at", _INSTANT, nullable=False, server_default=sa.func.clock_timestamp()
        ),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("message_id", name="uq_outbox_message_id"),
        postgresql_with={"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 1000},
    )
    op.create_index("ix_outbox_shard_id", "outbox", ["shard", "id"])
