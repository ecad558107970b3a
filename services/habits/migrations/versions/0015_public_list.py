"""The public list can be searched, and put in order by how often a habit was copied.

Revision ID: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_PUBLISHED = sa.text("is_published AND archived_at IS NULL")


def upgrade() -> None:
    # Trusted: the owner of a database may create it.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_table(
        "habit_copies",
        sa.Column("habit_id", sa.Uuid),
        sa.Column("copies", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("habit_id", name="pk_habit_copies"),
        sa.ForeignKeyConstraint(
            ["habit_id"], ["streams.id"], name="fk_habit_copies_habit_id_streams"
        ),
    )
    op.create_index(
        "ix_habits_public_created_at_id",
        "habits",
        ["created_at", "id"],
        postgresql_where=_PUBLISHED,
    )
    op.create_index(
        "ix_habits_public_search",
        "habits",
        ["action", "place"],
        postgresql_using="gin",
        postgresql_ops={"action": "gin_trgm_ops", "place": "gin_trgm_ops"},
        postgresql_where=_PUBLISHED,
    )
    op.drop_index("ix_habits_published_created_at_id", "habits")


def downgrade() -> None:
    op.create_index(
        "ix_habits_published_created_at_id",
        "habits",
        ["created_at", "id"],
        postgresql_where=sa.text("is_published"),
    )
    for name in ("search", "created_at_id"):
        op.drop_index(f"ix_habits_public_{name}", "habits")
    op.drop_table("habit_copies")
