"""When endpoints received nothing, so that what they missed is known for ever."""

from config.database.migrations.plain_sql import run_beside

revision = "0008"
down_revision = "0004"


def upgrade() -> None:
    """Run 0008_endpoint_silences.sql."""
    run_beside(__file__)
