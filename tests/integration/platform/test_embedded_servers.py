"""What the embedded servers keep, and what happens when they or their parent are killed."""

import asyncio
import signal
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from config.embedded.process.child import ServerFailed
from config.embedded.supervisor import EmbeddedServers
from tests.support.embedded_run import add_row


async def add_row_when_back(servers: EmbeddedServers) -> int:
    """As soon as PostgreSQL answers again."""
    while True:
        try:
            return await add_row(servers.urls.database_url)
        except (OSError, asyncpg.CannotConnectNowError):
            await asyncio.sleep(0.02)


async def test_committed_rows_survive_kill_9(embedded: EmbeddedServers) -> None:
    """A killed PostgreSQL comes back at the same place with every committed row."""
    before = embedded.urls
    assert await add_row(before.database_url) == 1
    embedded.kill_postgres()
    await embedded.restart_postgres()
    assert embedded.urls == before
    assert await add_row(before.database_url) == 2


async def test_supervised_servers_come_back_by_themselves(embedded: EmbeddedServers) -> None:
    """Who is supervised is started again after a kill, until it is stopped on purpose."""
    supervision = asyncio.create_task(embedded.supervise())
    assert await add_row(embedded.urls.database_url) == 1
    embedded.kill_postgres()
    embedded.kill_valkey()
    assert await add_row_when_back(embedded) == 2
    while len(embedded.pids()) < 2:  # noqa: ASYNC110 - what comes back is a process
        await asyncio.sleep(0.02)
    await embedded.stop()
    await asyncio.wait_for(supervision, timeout=10)
    assert embedded.pids() == {}


async def test_twice_in_a_row(state: Path) -> None:
    """A second run finds the first one's rows at the same place, and an empty Valkey."""
    urls = []
    for turn in (1, 2):
        servers = EmbeddedServers(state)
        urls.append(await servers.start())
        assert await add_row(urls[-1].database_url) == turn
        async with Redis.from_url(urls[-1].redis_url) as redis:
            assert await redis.dbsize() == 0
            await redis.set("left", "over")
        await servers.stop()
    assert urls[0] == urls[1]


async def test_two_side_by_side(embedded: EmbeddedServers, tmp_path: Path) -> None:
    """Two checkouts run at once, each with its own servers, ports and passwords."""
    other = EmbeddedServers(tmp_path / "var")
    urls = await other.start()
    assert await add_row(urls.database_url) == await add_row(embedded.urls.database_url) == 1
    assert not set(urls.database_url.split("@")) & set(embedded.urls.database_url.split("@"))
    await other.stop()


async def test_one_folder_has_one_owner(embedded: EmbeddedServers, state: Path) -> None:
    """A second run in the same checkout is refused while the first one lives, and the first one is not disturbed."""
    with pytest.raises(ServerFailed, match="in use by another run"):
        await EmbeddedServers(state).start()
    assert await add_row(embedded.urls.database_url) == 1


async def test_a_path_of_150_characters(state: Path) -> None:
    """A deep checkout works: nothing depends on the length of a socket's path."""
    deep = state / ("d" * (149 - len(str(state))))
    assert len(str(deep)) == 150
    servers = EmbeddedServers(deep / "var")
    urls = await servers.start()
    assert await add_row(urls.database_url) == 1
    await servers.stop()


async def test_an_interrupted_first_start_is_made_good(state: Path) -> None:
    """What a killed initdb left is thrown away, never started."""
    unfinished = state / "postgresql.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18")
    servers = EmbeddedServers(state)
    assert await add_row((await servers.start()).database_url) == 1
    assert not unfinished.exists()
    await servers.stop()


async def test_data_of_another_version_is_refused_in_words(state: Path) -> None:
    """A data folder of another major version is left as it is, and the message says what to do."""
    data = state / "postgresql.data"
    data.mkdir()
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(ServerFailed, match="was made by PostgreSQL 9"):
        await EmbeddedServers(state).start()
    assert data.exists()


async def test_valkey_keeps_nothing_and_evicts_nothing(embedded: EmbeddedServers) -> None:
    """No persistence, no eviction, and no entry without the password."""
    async with Redis.from_url(embedded.urls.redis_url) as redis:
        assert await redis.config_get("save", "appendonly", "maxmemory-policy") == {
            "save": "",
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
        }
        await redis.set("left", "over")
    embedded.kill_valkey()
    await embedded.restart_valkey()
    async with Redis.from_url(embedded.urls.redis_url) as redis:
        assert await redis.dbsize() == 0


async def test_a_stale_pid_of_someone_else_is_left_alone(state: Path) -> None:
    """A recorded process id that now belongs to another program is not signalled."""
    bystander = await asyncio.create_subprocess_exec("sleep", "60")
    (state / "postgresql.pid").write_text(f"{bystander.pid}\n")
    servers = EmbeddedServers(state)
    await servers.start()
    await servers.stop()
    assert bystander.returncode is None
    bystander.send_signal(signal.SIGKILL)
    await bystander.wait()
