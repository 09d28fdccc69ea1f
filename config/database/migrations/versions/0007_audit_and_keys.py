"""The chain of the audit log with its signed heads, and the rotation of data keys."""

from config.database.migrations.plain_sql import run_beside

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    """Run 0007_audit_and_keys.sql."""
    run_beside(__file__)
