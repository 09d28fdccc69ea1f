"""States and moves are written once: code, SQL and docs/states.md agree."""

import re
from enum import StrEnum

import pytest

from tests.repository.source import ROOT
from threadneedle.states import ENUMS, as_markdown

SCHEMA = (ROOT / "config/database/schema.sql").read_text(encoding="utf-8")


def sql_values(name: str) -> dict[str, str]:
    """Value → sentence of one SQL enum; the sentence is empty where it has none."""
    match = re.search(rf"CREATE TYPE {name} AS ENUM \((.*?)\n?\);", SCHEMA, re.DOTALL)
    assert match, name
    return dict(re.findall(r"'(\w+)',?(?:\s*--\s*([^\n]*))?", match.group(1)))


@pytest.mark.parametrize(("name", "enum"), ENUMS.items(), ids=str)
def test_enums_in_code_equal_those_in_sql(name: str, enum: type[StrEnum]) -> None:
    """A state that code knows is one that the database knows, and the other way round."""
    assert [member.value for member in enum] == list(sql_values(name))


def test_every_sql_enum_is_held_to_the_code() -> None:
    """No enum of the schema is left out of the comparison."""
    assert set(re.findall(r"CREATE TYPE (\w+) AS ENUM", SCHEMA)) == set(ENUMS)


def test_the_page_about_states_is_the_generated_one() -> None:
    """docs/states.md says what the code says; `make docs` writes it."""
    assert (ROOT / "docs/states.md").read_text(encoding="utf-8") == as_markdown()
