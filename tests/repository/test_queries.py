"""Every query on a partner's table filters by partner, or says why it does not."""

import re
from pathlib import Path

import pytest

from kernel.sql import Query, parse
from tests.repository.source import PACKAGES, ROOT, tracked_files

SCHEMA = (ROOT / "config/database/schema.sql").read_text(encoding="utf-8")
PARTNER_TABLES = frozenset(
    name
    for name, body in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\)", SCHEMA, re.DOTALL)
    if re.search(r"^\s+partner_id\s+uuid NOT NULL", body, re.MULTILINE)
)
QUERY_FILES = tuple(
    path
    for path in tracked_files()
    if path.suffix == ".sql"
    and path.relative_to(ROOT).parts[0] in PACKAGES
    and not path.is_relative_to(ROOT / "config/database")
)
STATEMENT = re.compile(r"\b(SELECT\s.+?\sFROM|INSERT\s+INTO|UPDATE\s+\w+|DELETE\s+FROM)\b", re.IGNORECASE | re.DOTALL)


def queries() -> list[tuple[Path, Query]]:
    """Every named query of the product."""
    return [(path, query) for path in QUERY_FILES for query in parse(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("path", "query"), queries(), ids=lambda value: value.name)
def test_partner_queries_name_their_partner(path: Path, query: Query) -> None:
    """A statement on a partner's table names partner_id, or carries a line `across partners: why`."""
    words = set(re.findall(r"\w+", query.statement.lower()))
    if not words & PARTNER_TABLES:
        return
    reason = re.search(r"across partners: \S+", query.comment)
    assert "partner_id" in words or reason, f"{path.name}: {query.name}"


@pytest.mark.parametrize(("path", "query"), queries(), ids=lambda value: value.name)
def test_queries_have_a_sentence(path: Path, query: Query) -> None:
    """Every named query says in a sentence what it is for."""
    assert re.search(r"\w+ \w+ \w+", query.comment), f"{path.name}: {query.name}"


def test_the_tables_of_partners_are_found() -> None:
    """The rule above looks at the tables that it is meant for."""
    assert {"payments", "deliveries", "events", "webhook_endpoints", "request_keys"} <= PARTNER_TABLES
    assert "banks" not in PARTNER_TABLES


def test_primary_keys_of_partner_tables_begin_with_the_partner() -> None:
    """So the database can be sharded by partner without a query changing."""
    for name, body in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\)", SCHEMA, re.DOTALL):
        if name in PARTNER_TABLES:
            assert re.search(r"PRIMARY KEY \(partner_id\b", body), name


def test_statements_stand_in_query_files() -> None:
    """No Python module of the product carries a statement on a table."""
    tables = "|".join(sorted(re.findall(r"CREATE TABLE (\w+)", SCHEMA)))
    pattern = re.compile(rf"\b(FROM|INTO|UPDATE|JOIN)\s+({tables})\b")
    for path in tracked_files():
        inside = path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES
        if inside and not path.is_relative_to(ROOT / "config/database"):
            assert not pattern.search(path.read_text(encoding="utf-8")), path
