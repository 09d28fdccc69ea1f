"""Whatever somebody who holds the database does to the log is found, and found where it was done."""

from itertools import combinations
from uuid import UUID, uuid4

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kernel.audit.checking import Fault, Finding
from kernel.audit.head import sign, verified
from kernel.audit.keys import SQL, open_keys, public_halves
from kernel.audit.links import CONTENT, Mark, hash_of
from tests.support.audit import AuditLog

ENTRIES = 6
# Every column of the table, and what it is given; NULL is tried as well.
OTHER = {
    "id": "gen_random_uuid()",
    "at": "at + interval '1 microsecond'",
    "partner_id": "gen_random_uuid()",
    "actor": "actor || ' '",
    "action": "upper(action)",
    "target": "target || E'\\u200b'",
    "request_id": "''",
    "detail": "jsonb_set(detail, '{number}', '1e3')",
    "position": "position + 100",
    "previous": "sha256('x')",
    "hash": "sha256('x')",
    "chained_at": "chained_at - interval '1 microsecond'",
}
FURTHER = {
    "at": ["'infinity'", "'-infinity'", "'0044-03-15 BC'", "'294276-01-01'"],
    "detail": ["detail - 'fields'", "detail || '{\"more\": 1}'", "'[]'", "'null'"],
    "position": ["0", "-position", "position * 1000000"],
    "hash": ["substring(hash FROM 2)", "''", "hash || hash"],
    "previous": ["''"],
}


async def columns(log: AuditLog) -> set[str]:
    rows = await log.pool.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = 'audit_log'")
    return {row["column_name"] for row in rows}


def located(findings: "list[Finding]", places: set[int], ids: set[UUID]) -> bool:
    """Whether every fault names one of the places, the one after it, or the entries."""
    near = places | {place + 1 for place in places}
    named = [
        (finding.first is not None and bool(near & set(range(finding.first, (finding.last or finding.first) + 1))))
        or (finding.entry_id is not None and UUID(finding.entry_id) in ids)
        for finding in findings
        if finding.fault is not Fault.REBUILT
    ]
    return any(named) and all(named)


async def test_every_change_of_any_column_is_found_at_its_place(log: AuditLog) -> None:
    """Each column of each entry, changed or emptied, whatever the database enforces; exhaustive, undone each time."""
    await log.chained(ENTRIES)
    assert await columns(log) == OTHER.keys() == set(CONTENT) | {"position", "previous", "hash", "chained_at"}
    ids, tried = await log.ids(), 0
    async with log.tampering() as connection:
        await connection.execute("ALTER TABLE audit_log DROP CONSTRAINT audit_log_pkey")
        for column in OTHER:
            await connection.execute(f"ALTER TABLE audit_log ALTER {column} DROP NOT NULL")
    await log.pool.execute("CREATE TABLE kept AS SELECT * FROM audit_log")
    for column, first in OTHER.items():
        for value in [first, "NULL", *FURTHER.get(column, [])]:
            for place, entry_id in enumerate(ids, start=1):
                async with log.tampering() as connection:
                    change = f"UPDATE audit_log SET {column} = {value}"  # noqa: S608 - of the table above
                    change += f" WHERE id = $1 AND {column} IS DISTINCT FROM ({value})"
                    status = await connection.execute(change, entry_id)
                    if status == "UPDATE 1":
                        tried += 1
                        findings = list(await log.findings())
                        if column == "position":  # the places before its new one are missing too
                            findings = findings[:1]
                        assert located(findings, {place}, {entry_id}), (column, value, place, findings)
                    await connection.execute("DELETE FROM audit_log")
                    await connection.execute("INSERT INTO audit_log SELECT * FROM kept")
    assert tried >= ENTRIES * (len(OTHER) + sum(map(len, FURTHER.values())))
    assert await log.findings() == ()


async def test_any_two_entries_that_change_places_are_found(log: AuditLog) -> None:
    """Every pair: by their places only, with all that links them, or by what they hold."""
    await log.chained(ENTRIES)
    await log.pool.execute("CREATE TABLE kept AS SELECT * FROM audit_log")
    links, content = ("position",), ("actor", "action", "target", "request_id", "detail", "at", "partner_id")
    whole = ("position", "previous", "hash", "chained_at")
    ids = await log.ids()
    for one, other in combinations(range(1, ENTRIES + 1), 2):
        for names in (links, whole, content):
            async with log.tampering() as connection:
                await connection.execute("DROP INDEX IF EXISTS audit_log_position")
                values = ", ".join(f"{name} = b.{name}" for name in names)
                swap = f"UPDATE audit_log AS a SET {values} FROM kept AS b"  # noqa: S608 - names of this test
                swap += " WHERE (a.id, b.id) IN (($1, $2), ($2, $1))"
                await connection.execute(swap, ids[one - 1], ids[other - 1])
                findings = list(await log.findings())
                assert located(findings, {one, other}, set()), (one, other, names, findings)
                touched = {place for f in findings if f.first for place in range(f.first, (f.last or 0) + 1)}
                assert {one, other} <= touched, (one, other, names, findings)
                await connection.execute("DELETE FROM audit_log")
                await connection.execute("INSERT INTO audit_log SELECT * FROM kept")


async def test_every_gap_is_found(log: AuditLog) -> None:
    """Any run of entries taken out, places left as they are or closed up again, names those places."""
    await log.chained(ENTRIES)
    await log.pool.execute("CREATE TABLE kept AS SELECT * FROM audit_log")
    for first, last in combinations(range(1, ENTRIES + 1), 2):
        for is_closed_up in (False, True):
            async with log.tampering() as connection:
                await connection.execute("DELETE FROM audit_log WHERE position >= $1 AND position < $2", first, last)
                if is_closed_up:
                    for place in range(last, ENTRIES + 1):
                        await connection.execute(
                            "UPDATE audit_log SET position = $1 WHERE position = $2", place - last + first, place
                        )
                findings = await log.findings()
                wanted = Fault.OUT_OF_PLACE if is_closed_up else Fault.MISSING
                assert findings[0].fault is wanted
                assert findings[0].first == first
                assert is_closed_up or findings[0].last == last - 1
                await connection.execute("DELETE FROM audit_log")
                await connection.execute("INSERT INTO audit_log SELECT * FROM kept")


@pytest.mark.parametrize("kept", range(ENTRIES))
async def test_a_missing_tail_is_found(log: AuditLog, kept: int) -> None:
    """The last entries taken out, all of them too: the signed head says how far the chain went."""
    await log.chained(ENTRIES)
    async with log.tampering() as connection:
        await connection.execute("DELETE FROM audit_log WHERE position > $1", kept)
    assert await log.findings() == (Finding(fault=Fault.TAIL_MISSING, first=kept + 1, last=ENTRIES),)


async def test_a_tail_cut_with_its_heads_is_found(log: AuditLog) -> None:
    """By the age of the newest head that is left, and by a mark that was kept elsewhere."""
    await log.chained(ENTRIES)
    mark = (await log.report()).end
    await log.earlier_heads(4)
    async with log.tampering() as connection:
        await connection.execute("DELETE FROM audit_log WHERE position > 2")
        await connection.execute("DELETE FROM audit_heads WHERE position > 2")
    assert [finding.fault for finding in await log.findings()] == [Fault.HEAD_OLD]
    found = await log.findings(expected=mark)
    assert Finding(fault=Fault.UNEXPECTED, first=ENTRIES, last=ENTRIES) in found


async def rebuild(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Compute every hash anew, as whoever knows the source can."""
    rows = await connection.fetch(SQL["links"], 0, UUID(int=0), 100)
    end = Mark()
    for row in rows:
        digest = hash_of({name: row[name] for name in CONTENT}, row["chained_at"], end.hash)
        await connection.execute(
            "UPDATE audit_log SET position = $2, previous = $3, hash = $4 WHERE position = $1",
            *(row["position"], end.position + 1, end.hash, digest),
        )
        end = Mark(end.position + 1, digest)


@pytest.mark.parametrize("changed", range(1, ENTRIES + 1))
async def test_a_chain_built_anew_is_found_between_two_heads(log: AuditLog, changed: int) -> None:
    """Every hash after a change computed anew: wrong from the last head that agrees to the newest that does not."""
    await log.chained(ENTRIES)
    await log.earlier_heads(3)
    async with log.tampering() as connection:
        await connection.execute("UPDATE audit_log SET actor = 'nobody' WHERE position = $1", changed)
        await rebuild(connection)
    findings = await log.findings()
    assert {finding.fault for finding in findings} == {Fault.REBUILT}
    assert findings[0].first == min(changed, 4)
    assert findings[-1].last == ENTRIES


async def test_a_chain_built_anew_without_an_entry_is_found(log: AuditLog) -> None:
    """One taken out and all places and hashes computed anew: the heads miss their places."""
    await log.chained(ENTRIES)
    async with log.tampering() as connection:
        await connection.execute("DELETE FROM audit_log WHERE position = 3")
        await rebuild(connection)
    assert await log.findings() == (Finding(fault=Fault.TAIL_MISSING, first=ENTRIES, last=ENTRIES),)


async def test_heads_of_another_key_are_found(log: AuditLog) -> None:
    """Somebody signs a rebuilt chain with a key of their own, and puts that key into the table."""
    await log.chained(ENTRIES)
    key = Ed25519PrivateKey.generate()
    keys = await open_keys(log.pool, log.vault)
    document = await log.pool.fetchval("SELECT document FROM audit_heads")
    forged = sign(verified(document, public_halves(keys)), keys[0].id, key)
    await log.pool.execute("UPDATE audit_heads SET document = $1", forged)
    await log.pool.execute("UPDATE audit_keys SET public_key = $1", key.public_key().public_bytes_raw())
    assert {finding.fault for finding in await log.findings()} == {Fault.HEAD_FALSE, Fault.HEAD_MISSING}


@pytest.mark.parametrize(
    ("tampering", "fault"),
    [
        ("DELETE FROM audit_heads WHERE position = 2", Fault.HEAD_MISSING),
        ("DELETE FROM audit_heads WHERE position = 1", Fault.HEAD_MISSING),
        ("UPDATE audit_heads SET day = day - 100 WHERE position = 1", Fault.HEAD_FALSE),
        ("UPDATE audit_heads SET position = 5 WHERE position = 2", Fault.HEAD_FALSE),
        ("UPDATE audit_heads SET document = 'no.head.' WHERE position = 2", Fault.HEAD_FALSE),
        ("UPDATE audit_heads SET document = '' WHERE position = 2", Fault.HEAD_FALSE),
        ("DELETE FROM audit_heads", Fault.HEAD_MISSING),
    ],
)
async def test_changed_heads_are_found(log: AuditLog, tampering: str, fault: Fault) -> None:
    """Taken out, moved, or not what was signed."""
    await log.chained(ENTRIES)
    await log.earlier_heads(3)
    await log.pool.execute(tampering)
    assert fault in {finding.fault for finding in await log.findings()}


async def test_an_entry_dated_back_is_found(log: AuditLog) -> None:
    """An act that claims a time at which a signed head did not know of it, though it was chained as any other."""
    await log.chained(3)
    await log.earlier_heads(3)
    async with log.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO audit_log (id, at, actor, action, target, request_id)"
            " VALUES ($1, now() - interval '5 days', 'somebody', 'partner.created', 'ptn', 'r')",
            uuid4(),
        )
    await log.writer().run_once()
    found = await log.findings()
    assert [(finding.fault, finding.first) for finding in found] == [(Fault.BACKDATED, 4)]


async def test_entries_that_wait_too_long_are_told(log: AuditLog) -> None:
    """A chain that nobody writes: each entry beyond the time that it may wait, and none before."""
    await log.chained(2)
    await log.write(2)
    assert await log.findings() == ()
    found = await log.findings(unchained_seconds=-1)
    assert [finding.fault for finding in found] == [Fault.UNCHAINED] * 2


async def test_a_head_that_is_old_is_told(log: AuditLog) -> None:
    """Nobody has signed for days."""
    await log.chained(3)
    await log.earlier_heads(3, is_today_signed=False)
    assert Fault.HEAD_OLD not in {finding.fault for finding in await log.findings()}
    await log.pool.execute("DELETE FROM audit_heads WHERE position > 1")
    assert Fault.HEAD_OLD in {finding.fault for finding in await log.findings()}
