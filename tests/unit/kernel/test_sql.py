from pathlib import Path

import pytest

from kernel.sql import Queries, beside, parse

TEXT = """-- What this file is about.
-- name: find_one
-- One of them.
-- across partners: because.
SELECT 1
WHERE true; -- a remark

-- name: find_all
-- All of them.
SELECT 2;
"""


def test_queries_have_a_name_a_sentence_and_a_statement() -> None:
    """A file is split at its names; the last semicolon goes, remarks inside stay."""
    one, everything = parse(TEXT)
    assert (one.name, one.comment) == ("find_one", "One of them.\nacross partners: because.")
    assert one.statement == "SELECT 1\nWHERE true; -- a remark"
    assert (everything.name, everything.statement) == ("find_all", "SELECT 2")


@pytest.mark.parametrize("text", ["SELECT 1;", "-- name: empty\n-- Nothing.\n", "-- name: empty\n;"])
def test_what_is_not_a_named_statement_is_refused(text: str) -> None:
    """A statement without a name, and a name without a statement, are mistakes."""
    with pytest.raises(ValueError, match=r"stands before|is empty"):
        parse(text)


def test_a_name_stands_once(tmp_path: Path) -> None:
    """Of two queries with one name the second would never run."""
    path = tmp_path / "queries.sql"
    path.write_text(TEXT + TEXT.partition("\n")[2], encoding="utf-8")
    with pytest.raises(ValueError, match="stands twice"):
        Queries(path)


def test_queries_are_a_mapping(tmp_path: Path) -> None:
    """Statements are found by name beside the module that asks."""
    (tmp_path / "queries.sql").write_text(TEXT, encoding="utf-8")
    queries = beside(str(tmp_path / "module.py"), "queries.sql")
    assert list(queries) == ["find_one", "find_all"]
    assert len(queries) == 2
    assert queries["find_all"] == "SELECT 2"
    with pytest.raises(KeyError):
        queries["find_none"]
