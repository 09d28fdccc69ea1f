"""What banks said about consents of account holders is kept for whoever is on call."""

from config.database.migrations.plain_sql import run_beside

revision = "0017"
down_revision = "0018"


def upgrade() -> None:
    """Run 0017_consent_exchanges.sql."""
    run_beside(__file__)
