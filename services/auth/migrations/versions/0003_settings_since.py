"""Since when the time zone and the activity of an account are what they are.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SETTINGS_SINCE = sa.Column(
    "settings_since",
    sa.DateTime(timezone=True),
    nullable=False,
    # Processes of the release before, still running, store accounts without it.
    server_default=sa.func.clock_timestamp(),
)


def upgrade() -> None:
    op.add_column("accounts", _SETTINGS_SINCE)
    # The latest it can be: what the last change was about is not known.
    op.execute("UPDATE accounts SET settings_since = updated_at")


def downgrade() -> None:
    op.drop_column("accounts", "settings_since")
