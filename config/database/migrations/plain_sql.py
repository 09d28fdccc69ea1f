"""How a migration runs its SQL."""

from pathlib import Path

from alembic import op


def run_beside(module_file: str) -> None:
    """Run the file of the same name with the ending `.sql`: many statements, as PostgreSQL itself reads them."""
    script = Path(module_file).with_suffix(".sql").read_text(encoding="utf-8")
    driver = op.get_bind().connection.dbapi_connection
    if driver is None:
        raise RuntimeError("a migration needs its connection")
    driver.run_async(lambda connection: connection.execute(script))
