"""Payers who authorise payments at their bank, and the consents that banks keep for them."""

from config.database.migrations.plain_sql import run_beside

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Run 0012_authorisations.sql."""
    run_beside(__file__)
