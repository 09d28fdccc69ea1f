"""The account that a refund would go to, as the payer's bank told it."""

from config.database.migrations.plain_sql import run_beside

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Run 0020_refund_accounts.sql."""
    run_beside(__file__)
