"""Cancellations that the payer approves at the bank: sent out with a handshake of their own, beside the payment's."""

from config.database.migrations.plain_sql import run_beside

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Run 0021_approved_cancellations.sql."""
    run_beside(__file__)
