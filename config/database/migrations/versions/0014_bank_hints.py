"""Hints of banks: who they are about is found by the bank's own id, and each bank has its share of the inbox."""

from config.database.migrations.plain_sql import run_beside

revision = "0014"
down_revision = "0017"


def upgrade() -> None:
    """Run 0014_bank_hints.sql."""
    run_beside(__file__)
