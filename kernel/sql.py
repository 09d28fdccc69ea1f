"""Named queries: every statement stands in a `.sql` file beside the module that runs it.

    -- name: find_payment
    -- One payment of this partner and environment.
    SELECT … WHERE partner_id = $1 …;

The first comment line names the query, the following ones are its sentence. A query on a partner's table that does not
filter by partner_id says why in a line `-- across partners: …` (tests/repository holds that).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import asyncpg

_HEADER = re.compile(r"^-- name: ([a-z][a-z0-9_]*)$", re.MULTILINE)


class Executor(Protocol):
    """What runs a statement: asyncpg's connection, its pooled proxy, or its pool, which are not of one class."""

    async def execute(self, query: str, *args: Any) -> str:
        """Run a statement; its command tag, e.g. "UPDATE 1"."""
        ...

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        """All rows."""
        ...

    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None:
        """The first row."""
        ...

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of the first row."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One named statement with its comment."""

    name: str
    comment: str
    statement: str


class Queries(Mapping[str, str]):
    """The statements of one file by name: `queries["find_payment"]`."""

    def __init__(self, path: Path) -> None:
        """Raises ValueError where the file repeats a name or has a statement without one."""
        self._statements: dict[str, str] = {}
        for query in parse(path.read_text(encoding="utf-8")):
            if query.name in self._statements:
                raise ValueError(f"{path.name}: query {query.name} stands twice")
            self._statements[query.name] = query.statement

    def __getitem__(self, name: str) -> str:
        return self._statements[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)


def beside(module_file: str, name: str) -> Queries:
    """The queries of the file `name` in the folder of the calling module: `beside(__file__, "payments.sql")`."""
    return Queries(Path(module_file).with_name(name))


def parse(text: str) -> list[Query]:
    """Split a file into its queries. Raises ValueError for text before the first name or an empty statement."""
    pieces = _HEADER.split(text)
    if pieces[0].strip() and not all(line.startswith("--") for line in pieces[0].strip().splitlines()):
        raise ValueError("a statement stands before the first name")
    return [_query(name, body) for name, body in zip(pieces[1::2], pieces[2::2], strict=True)]


def _query(name: str, body: str) -> Query:
    lines = body.strip().splitlines()
    split = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    statement = "\n".join(lines[split:]).strip().removesuffix(";")
    if not statement:
        raise ValueError(f"query {name} is empty")
    return Query(name=name, comment="\n".join(line.removeprefix("-- ") for line in lines[:split]), statement=statement)
