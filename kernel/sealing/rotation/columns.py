"""A column that holds sealed values, and the statements that walk over it. No I/O.

The statements are made of the names of our own tables, one shape for all of them: twenty tables written out would be
forty statements to keep equal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg

Row: TypeAlias = Mapping[str, Any] | asyncpg.Record


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedColumn:
    """One column. `key` names the primary key's columns and their SQL types, without the partner.

    `context` gives what a row's value was sealed with, from the key's columns and `partner_id`. The rows of the
    installation's tables (`is_partners` false) have no partner.
    """

    table: str
    column: str
    key: Mapping[str, str]
    context: Callable[[Row], bytes]
    is_partners: bool = True

    @property
    def name(self) -> str:
        """As a walk notes it."""
        return f"{self.table}.{self.column}"

    @property
    def page(self) -> str:
        """$1 partner, $2 retired keys, $3 rows, then the place after which to begin, if any, as texts.

        The next rows in order, and whether a retired key sealed them: a sealed value names its key in bytes 2 to 17.
        """
        return self._page("")

    @property
    def page_after(self) -> str:
        """The same with a place."""
        place = ", ".join(f"${number}::text::{kind}" for number, kind in enumerate(self.key.values(), start=4))
        return self._page(f"AND ({self._keys}) > ({place})")

    @property
    def locked(self) -> str:
        """$1 partner, then an array of texts for each of the key's columns.

        These rows as they are now, in order, held until the transaction ends.
        """
        shown = f"{self._keys}, t.partner_id" if self.is_partners else self._keys
        return (
            f"SELECT {shown}, t.{self.column} AS sealed FROM {self.table} AS t "  # noqa: S608 - our own names
            f"WHERE {self._of_partner} AND ({self._keys}) IN (SELECT * FROM unnest({self._arrays(2)})) "
            f"ORDER BY {self._keys} FOR NO KEY UPDATE"
        )

    @property
    def replace(self) -> str:
        """$1 partner, $2 the values as they were, $3 the new ones, then the key's columns.

        A value that somebody else has changed is left alone.
        """
        given = ", ".join(f"given_{name}" for name in self.key)
        same = " AND ".join(f"t.{name} = v.given_{name}" for name in self.key)
        return (
            f"UPDATE {self.table} AS t SET {self.column} = v.new "  # noqa: S608 - our own names
            f"FROM unnest($2::bytea[], $3::bytea[], {self._arrays(4)}) AS v (old, new, {given}) "
            f"WHERE {self._of_partner} AND {same} AND t.{self.column} = v.old"
        )

    def place_of(self, row: Row) -> list[str]:
        """Where a row stands, as the walk notes it."""
        return [str(row[name]) for name in self.key]

    def _page(self, after: str) -> str:
        old = f"coalesce(substring(t.{self.column} FROM 2 FOR 16) = ANY($2::bytea[]), false)"
        return (
            f"SELECT {self._keys}, {old} AS is_old FROM {self.table} AS t "  # noqa: S608 - our own names
            f"WHERE {self._of_partner} {after} ORDER BY {self._keys} LIMIT $3"
        )

    @property
    def _keys(self) -> str:
        return ", ".join(f"t.{name}" for name in self.key)

    @property
    def _of_partner(self) -> str:
        return "t.partner_id = $1" if self.is_partners else "$1::uuid IS NOT NULL"

    def _arrays(self, first: int) -> str:
        return ", ".join(f"${number}::text[]::{kind}[]" for number, kind in enumerate(self.key.values(), start=first))
