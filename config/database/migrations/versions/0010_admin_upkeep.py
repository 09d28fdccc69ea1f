"""Replays of one merchant's events, ends of admin tokens and client certificates, numbers of clients' changes."""

from config.database.migrations.plain_sql import run_beside

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run 0010_admin_upkeep.sql."""
    run_beside(__file__)
