"""OAuth clients: how they authenticate, what they are limited to, secrets that overlap, assertions used once."""

from config.database.migrations.plain_sql import run_beside

revision = "0003"
down_revision = "0007"


def upgrade() -> None:
    """Run 0003_oauth_clients.sql."""
    run_beside(__file__)
