"""One portion of one column: opened with the retired keys, sealed with those that took their place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from kernel.sealing.format import header_in, key_id_of
from kernel.sealing.model import DataKey, SealError
from kernel.sealing.rotation.columns import Row, SealedColumn
from kernel.sealing.rotation.rotation import SQL
from kernel.sealing.vault import Vault
from kernel.sql import Executor


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """What was seen: rows looked at, those of retired keys, those sealed anew, and the last one's place."""

    rows: int
    found: int = 0
    resealed: int = 0
    place: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealer:
    """Works on one column of one partner in the caller's transaction.

    Rows are locked before keys, as whoever erases a merchant does. Only the key that took a retired one's place is
    used, never a newer one: what somebody erases meanwhile stays erased.
    """

    connection: Executor
    vault: Vault
    column: SealedColumn
    partner_id: UUID

    async def portion(self, after: Sequence[str] | None, rows: int) -> Portion:
        """Look at the next rows after a place and seal anew what retired keys sealed."""
        retired = {row["id"]: row["merchant_id"] for row in await self._fetch(SQL["retired_keys"])}
        query, place = (self.column.page, ()) if after is None else (self.column.page_after, tuple(after))
        page = await self._fetch(query, [key_id.bytes for key_id in retired], rows, *place)
        old = [row for row in page if row["is_old"]]
        return Portion(
            rows=len(page),
            found=len(old),
            resealed=await self._reseal(retired, old) if old else 0,
            place=self.column.place_of(page[-1]) if page else after,
        )

    async def _reseal(self, retired: Mapping[UUID, UUID], old: Sequence[Row]) -> int:
        held = await self._fetch(self.column.locked, *self._places(old))
        contexts = [self.column.context(row) for row in held]
        opened = await self.vault.open_each(
            [(self.partner_id, row["sealed"], context) for row, context in zip(held, contexts, strict=True)]
        )
        current = await self._current_keys(set(retired.values()))
        moved, before, after = [], [], []
        for row, context, plain in zip(held, contexts, opened, strict=True):
            key = current.get(_merchant_of(row["sealed"], retired))
            if key is not None and not isinstance(plain, SealError):
                moved.append(row)
                before.append(row["sealed"])
                after.append(self.vault.seal(key, plain, context))
        status = await self.connection.execute(
            self.column.replace, self.partner_id, before, after, *self._places(moved)
        )
        return int(status.removeprefix("UPDATE "))

    async def _current_keys(self, merchants: set[UUID]) -> dict[UUID | None, DataKey]:
        rows = await self._fetch(SQL["hold_current_keys"], list(merchants))
        keys = await self.vault.keys_by_id(self.partner_id, [row["id"] for row in rows])
        return {row["merchant_id"]: keys[row["id"]] for row in rows if row["id"] in keys}

    async def _fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        return await self.connection.fetch(query, self.partner_id, *arguments)

    def _places(self, rows: Sequence[Row]) -> list[list[str]]:
        """Rows as an array for each of the key's columns."""
        return [[str(row[name]) for row in rows] for name in self.column.key]


def _merchant_of(sealed: bytes, retired: Mapping[UUID, UUID]) -> UUID | None:
    """Whose retired key sealed it; None where none did, as when it was erased or sealed anew meanwhile."""
    try:
        return retired.get(key_id_of(header_in(sealed)))
    except SealError:
        return None
