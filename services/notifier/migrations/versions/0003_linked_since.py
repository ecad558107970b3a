"""Since when reminders go to some chat of an account without a break.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LINKED_SINCE = sa.Column("linked_since", sa.DateTime(timezone=True))


def upgrade() -> None:
    op.add_column("chat_links", _LINKED_SINCE)
    # The latest it can be: whether the last change was an unblocking is not known.
    op.execute("UPDATE chat_links SET linked_since = updated_at WHERE status = 'linked'")


def downgrade() -> None:
    op.drop_column("chat_links", "linked_since")
