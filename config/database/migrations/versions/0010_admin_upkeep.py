"""Replays of one merchant's events, admin tokens that end, and one way to number the changes of clients."""

from config.database.migrations.plain_sql import run_beside

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run 0010_admin_upkeep.sql."""
    run_beside(__file__)
