"""What every test may ask for: a database of its own, a clean Valkey, a clock that stands still."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from redis.asyncio import Redis

from config.embedded.supervisor import EmbeddedUrls
from kernel.sealing import Vault
from tests.support import databases
from tests.support.blocked_loop import LoopWatch
from tests.support.clock import FakeClock
from tests.support.judging import JUDGE, MARK, Judge, counted
from tests.support.keys import StaticKeys
from tests.support.servers import running_servers

# How long an example takes says on a busy machine nothing of the code.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


def pytest_collection_finish() -> None:
    """Thousands of tests stay in memory: the collector, walking over them, would look like a blocked loop."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist tells how many exchanges it judged."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["judged"] = counted(session.config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Its controller adds them up."""
    own = node.config.stash.setdefault(JUDGE, Judge())
    own.judged += getattr(node, "workeroutput", {}).get("judged", 0)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """How much of what was said at simulated banks the official files have judged."""
    if counted(config):
        terminalreporter.write_line(f"{counted(config)} exchanges were judged by the official API files")


@pytest.fixture(scope="session")
def loop_watch() -> LoopWatch:
    """What sees a blocked event loop."""
    return LoopWatch()


@pytest.fixture(autouse=True)
def _loop_never_blocked(loop_watch: LoopWatch) -> Iterator[None]:
    """A blocked event loop fails the test."""
    with loop_watch.on():
        yield


@pytest.fixture(scope="session")
def judge(pytestconfig: pytest.Config) -> Judge:
    """Who knows the official API files."""
    return pytestconfig.stash.setdefault(JUDGE, Judge())


@pytest.fixture(autouse=True)
def _said_as_the_official_files_say(judge: Judge, request: pytest.FixtureRequest) -> Iterator[None]:
    """What is said at a simulated bank and is not the standard's fails the test."""
    with judge.sitting(may_be_refused=request.node.get_closest_marker(MARK) is not None):
        yield


@pytest.fixture(scope="session")
def servers() -> Iterator[EmbeddedUrls]:
    """One PostgreSQL and one Valkey per test process."""
    with running_servers() as urls:
        yield urls


@pytest.fixture(scope="session")
def template(servers: EmbeddedUrls) -> Iterator[str]:
    """The name of the migrated database that every test's database is a copy of."""
    name = databases.new_name("template")
    asyncio.run(databases.create_template(servers.database_url, name))
    yield name
    asyncio.run(databases.drop(servers.database_url, name))


@pytest.fixture
async def database_url(servers: EmbeddedUrls, template: str) -> AsyncIterator[str]:
    """The URL of a fresh, migrated database."""
    async with databases.clone_of(servers.database_url, template) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> "AsyncIterator[asyncpg.Pool[asyncpg.Record]]":
    """A pool on that database."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=10) as pool:
        yield pool


@pytest.fixture
async def redis_url(servers: EmbeddedUrls) -> str:
    """The URL of an empty Valkey."""
    async with Redis.from_url(servers.redis_url) as client:
        await client.flushall()
    return servers.redis_url


@pytest.fixture
async def redis(redis_url: str) -> "AsyncIterator[Redis]":
    """A client of that Valkey; answers are bytes."""
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def clock() -> FakeClock:
    """A clock that is moved by hand. It starts now, so that it agrees with the database's partitions and now()."""
    return FakeClock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
async def vault(database_url: str, clock: FakeClock) -> AsyncIterator[Vault]:
    """A vault on the test's database, with a pool of its own as it wants."""
    async with asyncpg.create_pool(database_url, min_size=0, max_size=2) as pool:
        yield Vault(pool, StaticKeys(), clock)
