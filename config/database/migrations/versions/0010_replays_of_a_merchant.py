"""Replays of one merchant's events."""

from config.database.migrations.plain_sql import run_beside

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run 0010_replays_of_a_merchant.sql."""
    run_beside(__file__)
