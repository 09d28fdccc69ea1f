"""The first schema. An applied migration is never edited; the next change is the next number."""

from config.database.migrations.plain_sql import run_beside

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run 0001_start.sql."""
    run_beside(__file__)
