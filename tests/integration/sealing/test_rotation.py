"""Data keys are rotated while everything goes on: nothing becomes unreadable, and what is erased stays erased."""

import asyncio
from dataclasses import replace
from random import Random
from uuid import UUID, uuid4

import pytest

from kernel.errors import Conflict
from kernel.ids import NIL
from kernel.sealing import KeyDestroyed
from kernel.sealing.format import header_in, key_id_of
from tests.support.clock import FakeClock
from tests.support.dying import InterruptedPool, Killed
from tests.support.sealed import FAST, Pool, Shelf
from threadneedle.roles.sealed_columns import SEALED_COLUMNS

EVENTS = next(column for column in SEALED_COLUMNS if column.name == "events.sealed_body")


@pytest.fixture
async def shelf(database: Pool, clock: FakeClock) -> Shelf:
    """An empty one."""
    return Shelf(pool=database, clock=clock)


async def fill(shelf: Shelf, partner: UUID, merchants: list[UUID], rows: int = 1) -> None:
    """Rows in every column, for each merchant and for the partner itself."""
    vault = shelf.vault()
    for column in SEALED_COLUMNS:
        for owner in [*merchants, NIL]:
            for _ in range(rows):
                await shelf.put(column, partner, owner, vault)


async def test_the_columns_are_those_of_the_schema(database: Pool) -> None:
    """Every bytea column that is called sealed is known, with the primary key of its table."""
    rows = await database.fetch(
        "SELECT c.relname || '.' || a.attname AS name FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
        " WHERE a.attname LIKE 'sealed%' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT a.attisdropped"
    )
    assert {row["name"] for row in rows} == {column.name for column in SEALED_COLUMNS}
    for column in SEALED_COLUMNS:
        keys = await database.fetch(
            "SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type FROM pg_index AS i"
            " CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (number, place)"
            " JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number"
            " WHERE i.indrelid = $1::text::regclass AND i.indisprimary ORDER BY k.place",
            column.table,
        )
        names = {row["name"]: row["type"] for row in keys}
        assert (names.pop("partner_id", None) is not None) == column.is_partners
        assert list(names.items()) == list(column.key.items())


@pytest.mark.parametrize("whose", ["partner", "installation"])
async def test_everything_is_sealed_anew_and_the_old_keys_go(shelf: Shelf, database: Pool, whose: str) -> None:
    """All columns, of a partner with its merchants or of the installation; nobody else's values are touched."""
    partner, other = uuid4(), uuid4()
    await fill(shelf, partner, [uuid4(), uuid4()], rows=2)
    await fill(shelf, other, [uuid4()])
    erased = await shelf.erased_row(EVENTS, partner)
    before = [await shelf.stored(column, row) for column, _, _, row, _ in shelf.values]
    rotated = partner if whose == "partner" else NIL
    assert await shelf.rotate(rotated) == (3 if whose == "partner" else 1)
    await shelf.finish()
    assert await shelf.is_whole()
    for (column, owner, _, row, _), old in zip(shelf.values, before, strict=True):
        now = await shelf.stored(column, row)
        assert (now != old) == (key_id_of(header_in(now)) != key_id_of(header_in(old))) == (owner == rotated)
    assert await shelf.stored(EVENTS, erased) == b"\x00"
    live = await database.fetch("SELECT partner_id, retired_at FROM data_keys WHERE destroyed_at IS NULL")
    assert not [row for row in live if row["retired_at"] is not None]
    assert len(live) == 3 + 2 + 1


async def test_one_merchant_may_be_rotated_alone(shelf: Shelf, database: Pool) -> None:
    """The others of its partner keep their keys."""
    partner, merchants = uuid4(), [uuid4(), uuid4()]
    await fill(shelf, partner, merchants)
    assert await shelf.rotate(partner, merchants[0]) == 1
    with pytest.raises(Conflict):
        await shelf.rotate(partner)
    await shelf.finish()
    assert await shelf.is_whole()
    destroyed = await database.fetch("SELECT merchant_id FROM data_keys WHERE destroyed_at IS NOT NULL")
    assert [row["merchant_id"] for row in destroyed] == [merchants[0]]


async def test_a_worker_killed_at_any_statement_leaves_everything_readable(shelf: Shelf) -> None:
    """Again and again, at each statement of a portion in turn and then anywhere: the next one goes on from there."""
    partner, dice, kills = uuid4(), Random(7), 0  # noqa: S311 - places to die at
    await fill(shelf, partner, [uuid4()])
    await shelf.rotate(partner)
    while await shelf.is_rotating():
        pool = InterruptedPool(shelf.pool, kills + 1 if kills < 12 else dice.randint(8, 60))
        try:
            await shelf.walker(pool=pool).run_once()
        except Killed:
            kills += 1
        if kills % 4 == 0:
            assert await shelf.is_whole()
        assert kills < 400
    assert kills > 12
    assert await shelf.is_whole()


async def test_two_workers_at_once_do_no_harm(shelf: Shelf) -> None:
    """They share the rotations and never the same portion."""
    partners = [uuid4() for _ in range(3)]
    for partner in partners:
        await fill(shelf, partner, [uuid4()])
        await shelf.rotate(partner)
    await asyncio.gather(*(shelf.finish(shelf.walker()) for _ in range(3)))
    assert await shelf.is_whole()


async def walked(shelf: Shelf, passes: int) -> int:
    """Which walk it is, after so many have ended or the rotation has."""
    walker = shelf.walker(replace(FAST, settle_seconds=0.02))
    async with asyncio.timeout(20):
        while (number := await shelf.pool.fetchval("SELECT max(pass) FROM key_rotations")) <= passes:
            await walker.run_once()
            if not await shelf.is_rotating():
                break
            await asyncio.sleep(0.01)
    return int(number)


async def test_what_others_still_seal_with_the_old_key_is_found(shelf: Shelf, database: Pool) -> None:
    """A process that knew the key seals with it for a while: the key stays until a whole walk finds nothing."""
    partner, late = uuid4(), shelf.vault()
    await shelf.put(EVENTS, partner, NIL, late)
    await shelf.rotate(partner)
    for passes in range(1, 4):
        assert await walked(shelf, passes) == passes + 1
        await shelf.put(EVENTS, partner, NIL, late)
        assert await shelf.is_rotating()
    await walked(shelf, 100)
    assert not await shelf.is_rotating()
    assert await shelf.is_whole()
    assert await database.fetchval("SELECT resealed FROM key_rotations") == 4


async def test_a_key_is_kept_while_one_value_of_it_does_not_open(shelf: Shelf, database: Pool) -> None:
    """A value that is broken, or that we would open wrongly, keeps its key: nothing is given up by itself."""
    partner = uuid4()
    await shelf.put(EVENTS, partner, NIL)
    sealed = await database.fetchval("SELECT sealed_body FROM events")
    await database.execute("UPDATE events SET sealed_body = $1", sealed[:-1] + bytes([sealed[-1] ^ 1]))
    await shelf.rotate(partner)
    assert await walked(shelf, 4) == 5
    assert await shelf.is_rotating()
    await database.execute("UPDATE events SET sealed_body = $1", sealed)
    await walked(shelf, 100)
    assert not await shelf.is_rotating()
    assert await shelf.is_whole()


@pytest.mark.parametrize("at", range(1, 15))
async def test_erasing_during_a_portion_erases_everything(shelf: Shelf, at: int) -> None:
    """A merchant is erased before any statement of the portion that seals its values anew: none opens ever again."""
    partner, merchant = uuid4(), uuid4()
    for owner in (merchant, merchant, NIL):
        await shelf.put(EVENTS, partner, owner)
    await shelf.rotate(partner)
    erasing: list[asyncio.Task[bool]] = []

    async def erase() -> None:
        """It may have to wait for the portion, so it is given a moment and not waited for."""
        erasing.append(asyncio.create_task(shelf.vault().destroy(partner, merchant)))
        await asyncio.wait(erasing, timeout=0.05)

    await shelf.pool.execute("UPDATE key_rotations SET column_name = $1, place = $2", EVENTS.name, [str(UUID(int=0))])
    walker = shelf.walker(pool=InterruptedPool(shelf.pool, at, erase))
    await shelf.finish(walker)
    assert await asyncio.gather(*erasing) == [True]
    opened = await shelf.opened()
    assert [type(value) for value in opened[:2]] == [KeyDestroyed, KeyDestroyed]
    assert opened[2] == shelf.values[2][-1]


async def test_erasing_while_a_rotation_begins_erases_everything(shelf: Shelf) -> None:
    """In whatever order the two come, no key of before the erasure is left."""
    for _ in range(15):
        partner, merchant = uuid4(), uuid4()
        await shelf.put(EVENTS, partner, merchant)
        await asyncio.gather(shelf.rotate(partner), shelf.vault().destroy(partner, merchant))
        assert isinstance((await shelf.opened())[-1], KeyDestroyed)
    await shelf.finish(shelf.walker(FAST))
    assert {type(value) for value in await shelf.opened()} == {KeyDestroyed}
