"""Account information: consents, the accounts that they open, cached balances, and the banks' quotas of reads."""

from config.database.migrations.plain_sql import run_beside

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Run 0013_account_consents.sql."""
    run_beside(__file__)
