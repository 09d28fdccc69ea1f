"""Every column that holds sealed values is known to the rotation of data keys."""

import re

from tests.repository.source import ROOT
from threadneedle.roles.sealed_columns import SEALED_COLUMNS

SCHEMA = (ROOT / "config/database/schema.sql").read_text(encoding="utf-8")


def test_sealed_columns_are_those_of_the_schema() -> None:
    """One that is left out would become unreadable when its key is destroyed."""
    named = {
        f"{table}.{column}"
        for table, body in re.findall(r"^CREATE TABLE (\w+) \((.*?)^\)", SCHEMA, re.DOTALL | re.MULTILINE)
        for column in re.findall(r"^\s+(sealed_\w+)\s+bytea", body, re.MULTILINE)
    }
    assert len(named) > len({name.split(".")[0] for name in named}) > 1
    assert named == {column.name for column in SEALED_COLUMNS}
