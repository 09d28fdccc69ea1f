"""The certificates that a client's tokens may be bound to, whatever the client proves itself by."""

from config.database.migrations.plain_sql import run_beside

revision = "0018"
down_revision = "0013"


def upgrade() -> None:
    """Run 0018_binding_certificates.sql."""
    run_beside(__file__)
