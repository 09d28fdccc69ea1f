"""How a migration brings its SQL."""

from pathlib import Path

from alembic import op


def run_beside(module_file: str) -> None:
    """Put the file of the same name with the ending `.sql` into the script, as it stands."""
    op.get_context().impl.static_output(Path(module_file).with_suffix(".sql").read_text(encoding="utf-8"))
