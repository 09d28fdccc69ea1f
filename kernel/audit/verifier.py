"""Reads the chain as it stands in the database: verified, or given out for verifying elsewhere."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from kernel.audit.checking import ChainCheck, Fault, Finding, read_heads
from kernel.audit.entry import Connection
from kernel.audit.head import Head
from kernel.audit.keys import SQL, open_keys, public_halves
from kernel.audit.links import Link, Mark
from kernel.sealing import Vault

_PAGE_ROWS = 1_000
_OUTSIDE_MAX = 100
_LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyQuery:
    """What to verify.

    `since`: begin at the last head that was signed before this day (UTC) and believe it for what comes before. An entry
    may wait `unchained_seconds` for its place. `expected`: a mark that was kept outside the database.
    """

    since: date | None = None
    unchained_seconds: float = 300.0
    expected: Mark | None = None
    head_age_max: timedelta = timedelta(hours=48)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """How many entries were verified, where the chain begins and ends, and every fault. Without any, it holds."""

    entries: int
    start: Mark
    end: Mark
    findings: tuple[Finding, ...]


async def verify(pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, query: VerifyQuery) -> ChainReport:
    """Verify the log as it is at one moment. Raises SealError where the keys of the heads do not open."""
    keys = public_halves(await open_keys(pool, vault))
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        heads, findings = read_heads(map(dict, await connection.fetch(SQL["heads"])), keys)
        start = _start(heads, query.since)
        check = ChainCheck(start, heads, query.expected)
        async for link in _links(connection, start.position):
            check.add(link)
        findings += check.findings()
        findings += _of_newest(heads, check.end, await connection.fetchval(SQL["time_now"]), query.head_age_max)
        findings += await _outside(connection, query.unchained_seconds)
    return ChainReport(entries=check.entries, start=start, end=check.end, findings=tuple(findings))


async def export(pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[dict[str, Any]]:
    """Every entry in its place, then every head, as they are at one moment; a line each."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        async for link in _links(connection, 0):
            yield link.exported()
        for row in await connection.fetch(SQL["heads"]):
            yield {"head": row["document"]}


async def _links(connection: Connection, after: int) -> AsyncIterator[Link]:
    """The entries after a place. Two that claim one place come both."""
    place: tuple[int, UUID] = (after, _LAST_ID)
    while rows := await connection.fetch(SQL["links"], *place, _PAGE_ROWS):
        for row in rows:
            yield Link.of_row(dict(row))
        last = rows[-1]["id"]  # empty where somebody emptied it
        place = (rows[-1]["position"], _LAST_ID if last is None else UUID(last))


async def _outside(connection: Connection, seconds: float) -> list[Finding]:
    rows = await connection.fetch(SQL["outside"], seconds, _OUTSIDE_MAX)
    return [Finding(fault=Fault.UNCHAINED, entry_id=row["id"]) for row in rows]


def _start(heads: Sequence[Head], since: date | None) -> Mark:
    earlier = [head.mark for head in heads if since is not None and head.day < since.isoformat()]
    return earlier[-1] if earlier else Mark()


def _of_newest(heads: Sequence[Head], end: Mark, now: datetime, age_max: timedelta) -> list[Finding]:
    if not heads:
        return [Finding(fault=Fault.HEAD_MISSING)] if end.position else []
    age = now - datetime.fromisoformat(heads[-1].signed_at)
    return [Finding(fault=Fault.HEAD_OLD, day=heads[-1].day)] if age > age_max else []
