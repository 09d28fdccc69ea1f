"""Banks' tokens, shared by all processes."""

from config.database.migrations.plain_sql import run_beside

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run 0011_bank_tokens.sql."""
    run_beside(__file__)
