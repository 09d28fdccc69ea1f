"""How banks fare, as the processes that call them tell it."""

from config.database.migrations.plain_sql import run_beside

revision = "0006"
down_revision = "0003"


def upgrade() -> None:
    """Run 0006_bank_health.sql."""
    run_beside(__file__)
