"""Proposed evidence remembers which state of its payment was looked at, and the bank's reference that was seen."""

from config.database.migrations.plain_sql import run_beside

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Run 0016_evidence_seen.sql."""
    run_beside(__file__)
