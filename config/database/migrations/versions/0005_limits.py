"""Limits that admins change while everything runs, and what is left of the quotas that banks declare."""

from config.database.migrations.plain_sql import run_beside

revision = "0005"
down_revision = "0002"


def upgrade() -> None:
    """Run 0005_limits.sql."""
    run_beside(__file__)
