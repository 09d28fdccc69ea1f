"""Funds are confirmed before a payment is made, as a step of its journey."""

from config.database.migrations.plain_sql import run_beside

revision = "0019"
down_revision = "0016"


def upgrade() -> None:
    """Run 0019_confirm_funds.sql."""
    run_beside(__file__)
