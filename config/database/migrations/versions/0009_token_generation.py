"""Tokens of a client that end all at once."""

from config.database.migrations.plain_sql import run_beside

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run 0009_token_generation.sql."""
    run_beside(__file__)
