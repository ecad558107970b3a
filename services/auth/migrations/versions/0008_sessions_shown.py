"""What the owner is shown of a session: when it began, and in which program.

Revision ID: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Null in sessions from before they were kept, and of processes of the release before.
    op.add_column("refresh_tokens", sa.Column("session_since", sa.DateTime(timezone=True)))
    op.add_column("refresh_tokens", sa.Column("user_agent", sa.Text))


def downgrade() -> None:
    op.drop_column("refresh_tokens", "user_agent")
    op.drop_column("refresh_tokens", "session_since")
