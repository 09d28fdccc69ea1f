"""The one writer: every committed entry gets its place once, whatever order transactions end in and who dies when."""

import asyncio
from typing import Any

import asyncpg
import pytest

from kernel.audit import record
from kernel.audit.links import Mark
from kernel.audit.writer import ChainBroken
from tests.support.audit import AuditLog
from tests.support.dying import InterruptedPool, Killed


async def places(log: AuditLog) -> list[int]:
    rows = await log.pool.fetch("SELECT position FROM audit_log WHERE position IS NOT NULL ORDER BY position")
    return [row["position"] for row in rows]


async def test_committed_entries_get_gapless_places(log: AuditLog) -> None:
    """In portions, without gap or repeat, and what is chained verifies."""
    await log.write(23)
    assert await log.writer(rows_per_turn=5).run_once() == 23
    assert await places(log) == list(range(1, 24))
    assert await log.writer().run_once() == 0
    report = await log.report()
    assert (report.findings, report.entries, report.end.position) == ((), 23, 23)


async def test_an_entry_that_commits_late_is_not_passed(log: AuditLog) -> None:
    """Its transaction began before others that were chained meanwhile; it is chained after them."""
    async with log.pool.acquire() as connection:
        slow = connection.transaction()
        await slow.start()
        late = log.entry(0)
        await record(connection, late)
        await log.chained(3)
        assert late.id not in await log.ids()
        await slow.commit()
    assert await log.writer().run_once() == 1
    assert (await log.ids())[-1] == late.id
    assert await log.findings() == ()


async def test_many_writers_at_once_chain_each_entry_once(log: AuditLog) -> None:
    """Workers that look at the same moment do not double or skip."""
    for _ in range(5):
        await log.write(20)
        await asyncio.gather(*(log.writer(rows_per_turn=7).run_once() for _ in range(4)))
    await log.writer().run_once()
    assert await places(log) == list(range(1, 101))
    assert await log.findings() == ()


async def test_a_writer_that_dies_at_any_statement_is_gone_on_with(log: AuditLog) -> None:
    """Killed after each of its statements in turn, the next one finds the chain whole and goes on."""
    await log.chained(2)
    for statement in range(1, 20):
        await log.write(2)
        broken: Any = InterruptedPool(log.pool, statement)
        dying = AuditLog(pool=broken, vault=log.vault, clock=log.clock)
        try:
            await dying.writer().run_once()
        except Killed:
            assert await log.findings() == ()
        else:
            break
    assert statement > 4
    await log.writer().run_once()
    assert await places(log) == list(range(1, 3 + 2 * statement))
    assert await log.findings() == ()


async def test_the_database_lets_nothing_be_changed(log: AuditLog) -> None:
    """No column is changed, no place given twice or by half, no row deleted, nothing emptied."""
    await log.chained(1)
    await log.write(1)
    statements = [
        "UPDATE audit_log SET actor = 'somebody else'",
        "UPDATE audit_log SET position = 7, previous = '', hash = '', chained_at = now()",
        "UPDATE audit_log SET position = 2 WHERE position IS NULL",
        "UPDATE audit_log SET position = 2, previous = '', hash = '', chained_at = now(), actor = '' WHERE hash ISNULL",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
    ]
    for statement in statements:
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await log.pool.execute(statement)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_log SET position = NULL, previous = NULL, hash = NULL, actor = 'x' WHERE position > 3",
        "DELETE FROM audit_log WHERE position > 3",
        "DELETE FROM audit_heads",
        "DELETE FROM audit_log",
        "UPDATE audit_heads SET document = replace(document, '.', '.A')",
    ],
)
async def test_the_writer_never_signs_over_a_changed_end(log: AuditLog, tampering: str) -> None:
    """Entries taken out of the chain are not chained again in another form: it stops, and the log goes on growing."""
    await log.chained(5)
    async with log.tampering() as connection:
        await connection.execute(tampering)
    await log.write(1)
    before = await log.pool.fetch("SELECT document FROM audit_heads")
    with pytest.raises(ChainBroken):
        await log.writer().run_once()
    assert await log.pool.fetch("SELECT document FROM audit_heads") == before
    assert await log.findings()


async def test_a_head_is_signed_each_day(log: AuditLog) -> None:
    """Also on a day without entries; each names the one before, and today's moves with the chain."""
    await log.chained(4)
    await log.earlier_heads(4, is_today_signed=False)
    assert await log.writer().run_once() == 0
    heads = await log.pool.fetch("SELECT position FROM audit_heads ORDER BY day")
    assert [row["position"] for row in heads] == [1, 2, 3, 4, 4]
    await log.chained(2)
    assert await log.pool.fetchval("SELECT max(position) FROM audit_heads") == 6
    assert await log.pool.fetchval("SELECT count(*) FROM audit_heads") == 5
    assert await log.findings() == ()


async def test_verification_may_begin_at_a_head(log: AuditLog) -> None:
    """Since a day: what a head of an earlier day vouches for is not read again."""
    await log.chained(10)
    await log.earlier_heads(3)
    today = await log.pool.fetchval("SELECT max(day) FROM audit_heads")
    report = await log.report(since=today)
    assert (report.start.position, report.entries, report.findings) == (3, 7, ())
    assert (await log.report(since=today.replace(year=1999))).start == Mark()
