"""Quiet hours, when the day begins, and whether a weekly digest is wanted.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("quiet_from", sa.Time))
    op.add_column("accounts", sa.Column("quiet_to", sa.Time))
    # Processes of the release before, still running, store accounts without these two.
    op.add_column(
        "accounts",
        sa.Column("day_starts_at", sa.SmallInteger, nullable=False, server_default="0"),
    )
    op.add_column(
        "accounts",
        sa.Column("weekly_digest", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_check_constraint(
        "ck_accounts_quiet_hours_whole", "accounts", "(quiet_from IS NULL) = (quiet_to IS NULL)"
    )
    op.create_check_constraint("ck_accounts_quiet_hours_end", "accounts", "quiet_from <> quiet_to")
    op.create_check_constraint(
        "ck_accounts_day_starts_at_night", "accounts", "day_starts_at BETWEEN 0 AND 6"
    )


def downgrade() -> None:
    for name in ("quiet_hours_whole", "quiet_hours_end", "day_starts_at_night"):
        op.drop_constraint(f"ck_accounts_{name}", "accounts")
    for name in ("quiet_from", "quiet_to", "day_starts_at", "weekly_digest"):
        op.drop_column("accounts", name)
