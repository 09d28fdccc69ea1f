"""Tokens: bound to their sender, revoked, and signed with keys that are rotated."""

from config.database.migrations.plain_sql import run_beside

revision = "0004"
down_revision = "0006"


def upgrade() -> None:
    """Run 0004_tokens.sql."""
    run_beside(__file__)
