"""Calls at banks about payments say of what kind they were, and can be forgotten by their age."""

from config.database.migrations.plain_sql import run_beside

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Run 0023_payment_exchanges.sql."""
    run_beside(__file__)
