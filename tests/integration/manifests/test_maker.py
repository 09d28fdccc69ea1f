"""Manifests are made for every day and endpoint, follow each other, and prove what is missing."""

import asyncio
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

import asyncpg
import orjson
import pytest

from kernel.errors import Invalid, NotFound
from kernel.ids import Environment, Kind, Tenant, to_text
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.shelf import Shelf
from tests.support.tenants import add_tenant
from webhooks.manifests.book import ManifestBook, SignedManifest
from webhooks.manifests.document import digest_of
from webhooks.manifests.maker import ManifestMaker, ManifestPolicy

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
SCRIPT = Path(__file__).parents[3] / "docs/verify_manifest.py"
SMALL = ManifestPolicy(rows_per_page=2, endpoints_per_page=1)


@pytest.fixture
async def shelf(database: Pool) -> Shelf:
    """Rows of a partner, put there by hand."""
    return Shelf(database, await add_tenant(database))


@pytest.fixture
def book(database: Pool) -> ManifestBook:
    """The reader."""
    return ManifestBook(database)


@pytest.fixture
def maker(database: Pool, vault: Vault, clock: FakeClock) -> ManifestMaker:
    """A maker that reads very little at once."""
    return ManifestMaker(database, vault, clock, SMALL)


@pytest.fixture
def noon(clock: FakeClock) -> datetime:
    """The next noon, of the day that the tests end in; the clock stands there."""
    noon = clock.now().replace(hour=12, minute=0, second=0)
    noon += timedelta(days=noon < clock.now())
    clock.advance((noon - clock.now()).total_seconds())
    return noon


async def all_of(book: ManifestBook, tenant: Tenant, endpoint: UUID, limit: int = 50) -> list[SignedManifest]:
    """Every manifest, oldest first, however few a page has."""
    found: list[SignedManifest] = []
    cursor = None
    while True:
        page = await book.list(tenant, endpoint, cursor, limit)
        found += page.manifests
        cursor = page.next_cursor
        if cursor is None:
            return found[::-1]


async def verify(folder: Path, shown: SignedManifest, log: str, previous: str | None = None) -> tuple[int, str]:
    """Exit status and words of the script that merchants run."""
    files = {"manifest": shown.document, "keys": orjson.dumps(shown.key).decode(), "log": log}
    if previous is not None:
        files["previous"] = previous
    for name, text in files.items():
        (folder / name).write_text(text)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), *files, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode().strip()


async def log_of(shelf: Shelf, endpoint: UUID) -> list[str]:
    """What a merchant notes: a line of webhook-sequence and webhook-id per message."""
    rows = await shelf.pool.fetch(
        "SELECT sequence, event_id FROM deliveries WHERE endpoint_id = $1 ORDER BY sequence", endpoint
    )
    return [f"{row['sequence']},{to_text(Kind.EVENT, row['event_id'], shelf.tenant.environment)}" for row in rows]


async def test_missed_days_are_caught_up_and_follow_each_other(
    shelf: Shelf, maker: ManifestMaker, clock: FakeClock, noon: datetime, book: ManifestBook
) -> None:
    """Every day since the endpoint was made has one manifest: ranges without gap, each with the digest of the last."""
    endpoint = await shelf.endpoint(created_at=noon - timedelta(days=4))
    for days_ago, count in ((4, 3), (2, 5), (0, 1)):
        for _ in range(count):
            await shelf.delivery(endpoint, await shelf.event(noon - timedelta(days=days_ago)))
    assert await maker.run_once() == 4
    shown = [one.manifest for one in await all_of(book, shelf.tenant, endpoint, limit=1)]
    assert [one.day for one in shown] == [(noon - timedelta(days=ago)).date() for ago in (4, 3, 2, 1)]
    ranges = [(one.count, one.first_sequence, one.last_sequence) for one in shown]
    assert ranges == [(3, 1, 3), (0, 4, 3), (5, 4, 8), (0, 9, 8)]
    documents = [one.document for one in await all_of(book, shelf.tenant, endpoint)]
    assert [one.previous for one in shown] == [None, *map(digest_of, documents[:-1])]
    assert await maker.run_once() == 0
    clock.advance(86_400)
    assert await maker.run_once() == 1
    assert (await all_of(book, shelf.tenant, endpoint))[-1].manifest.count == 1


async def test_a_missing_message_is_detected_offline(
    shelf: Shelf, maker: ManifestMaker, noon: datetime, book: ManifestBook, tmp_path: Path
) -> None:
    """The script says all there or what is missing, sees other ids, and believes no forged or unchained manifest."""
    day = noon - timedelta(days=1)
    endpoint = await shelf.endpoint(created_at=day - timedelta(days=1))
    for _ in range(5):
        await shelf.delivery(endpoint, await shelf.event(day), state="dead")
    await maker.run_once()
    before, shown = await all_of(book, shelf.tenant, endpoint)
    log = await log_of(shelf, endpoint)
    repeated = "\n".join([*reversed(log), log[0], "9,evt_of_another_day"])
    assert await verify(tmp_path, shown, repeated, before.document) == (0, f"{day.date()}: 5 messages, all there")
    assert await verify(tmp_path, shown, "\n".join(log[:2] + log[3:])) == (1, "missing: 3")
    other = log[2].replace("evt_", "evt_x")
    assert (await verify(tmp_path, shown, "\n".join([*log[:2], other, *log[3:]])))[0] == 1
    assert (await verify(tmp_path, shown, "\n".join(log), shown.document))[0] == 2
    assert await verify(tmp_path, before, "") == (0, f"{day.date() - timedelta(days=1)}: 0 messages, all there")
    header, payload, signature = shown.document.split(".")
    forged = SignedManifest(manifest=shown.manifest, document=f"{header}.{payload[:-4]}AAAA.{signature}", key=shown.key)
    assert (await verify(tmp_path, forged, "\n".join(log)))[0] == 2


@pytest.mark.usefixtures("noon")
async def test_the_key_of_an_old_manifest_stays_readable(
    shelf: Shelf, maker: ManifestMaker, clock: FakeClock, book: ManifestBook, tmp_path: Path
) -> None:
    """An endpoint without a v1a key gets one; after a rotation old manifests verify with the old key."""
    endpoint = await shelf.endpoint(created_at=clock.now() - timedelta(days=1))
    await maker.run_once()
    await shelf.pool.execute("UPDATE endpoint_secrets SET expires_at = now()")
    clock.advance(86_400)
    await maker.run_once()
    first, second = await all_of(book, shelf.tenant, endpoint)
    assert first.key["kid"] != second.key["kid"]
    for shown in (first, second):
        assert (await verify(tmp_path, shown, ""))[0] == 0


async def test_only_one_process_makes_them(
    shelf: Shelf, maker: ManifestMaker, noon: datetime, book: ManifestBook
) -> None:
    """While another process leads nothing is made, and nothing is taken for done."""
    endpoint = await shelf.endpoint(created_at=noon - timedelta(days=1))
    async with shelf.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('threadneedle.manifests', 0))")
        assert await maker.run_once() == 0
    assert await maker.run_once() == 1
    assert len(await all_of(book, shelf.tenant, endpoint)) == 1


async def test_a_deleted_endpoint_has_its_last_manifest_on_the_day_of_its_end(
    shelf: Shelf, maker: ManifestMaker, noon: datetime, book: ManifestBook
) -> None:
    """Its days until then are made, also long after."""
    endpoint = await shelf.endpoint(
        created_at=noon - timedelta(days=5), state="deleted", updated_at=noon - timedelta(days=3)
    )
    await maker.run_once()
    days = [one.manifest.day for one in await all_of(book, shelf.tenant, endpoint)]
    assert days == [(noon - timedelta(days=ago)).date() for ago in (5, 4, 3)]


async def test_nobody_reads_over_the_wall(
    shelf: Shelf, maker: ManifestMaker, noon: datetime, book: ManifestBook
) -> None:
    """Other tenants find no manifest, nor does anybody one of a day that has none; bad cursors are refused."""
    endpoint = await shelf.endpoint(created_at=noon - timedelta(days=1))
    assert await all_of(book, shelf.tenant, endpoint) == []
    await maker.run_once()
    day = (noon - timedelta(days=1)).date()
    assert (await book.get(shelf.tenant, endpoint, day)).manifest.day == day
    for tenant in (await add_tenant(shelf.pool), Tenant(shelf.tenant.partner_id, Environment.TEST)):
        with pytest.raises(NotFound):
            await book.list(tenant, endpoint, None, 10)
        with pytest.raises(NotFound):
            await book.get(tenant, endpoint, day)
    with pytest.raises(NotFound):
        await book.get(shelf.tenant, endpoint, date(2020, 1, 1))
    for cursor in ("x", "20261122", "2026-13-01"):
        with pytest.raises(Invalid):
            await book.list(shelf.tenant, endpoint, cursor, 10)
