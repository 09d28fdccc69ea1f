"""Old notifications of banks are deleted."""

from config.database.migrations.plain_sql import run_beside

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Run 0022_notifications_age.sql."""
    run_beside(__file__)
