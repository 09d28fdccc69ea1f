"""The webhook engine: holds, rates, numbers, replays, the catalogue of event types."""

from config.database.migrations.plain_sql import run_beside

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run 0002_webhook_engine.sql."""
    run_beside(__file__)
