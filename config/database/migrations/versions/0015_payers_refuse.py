"""What a payer's authorisation can become: refused, and of a payment whose authorisations the bank is asked about."""

from config.database.migrations.plain_sql import run_beside

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Run 0015_payers_refuse.sql."""
    run_beside(__file__)
