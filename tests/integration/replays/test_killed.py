"""A real worker, killed with SIGKILL in the middle of a replay."""

import asyncio
import os
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.replays import Stage
from webhooks.replays.model import Replay
from webhooks.states import ReplayState

ROOT = Path(__file__).resolve().parents[3]


@asynccontextmanager
async def worker(database_url: str, redis_url: str) -> "AsyncIterator[asyncio.subprocess.Process]":
    """The worker's process; killed at the end."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "THREADNEEDLE_KEYS__PROVIDER": "environment",
        "THREADNEEDLE_KEYS": f"test:{b64encode(bytes(32)).decode()}",
        "THREADNEEDLE_WATCH__WORKER_PORT": "0",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "threadneedle", "worker"), cwd=ROOT, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def replayed(stage: Stage, replay: Replay, process: asyncio.subprocess.Process, at_least: int) -> Replay:
    """The replay, as soon as so many are due or it has ended."""
    async with asyncio.timeout(60):
        while process.returncode is None:
            now = (await stage.replays.get(stage.tenant, replay.id)).replay
            if now.queued >= at_least or now.state is ReplayState.COMPLETED:
                return now
            await asyncio.sleep(0.02)
    raise AssertionError


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("deliveries", "kills"), [(1_000, (0.3,)), pytest.param(10_000, (0.2, 0.5), marks=pytest.mark.long)]
)
async def test_a_killed_worker_changes_no_count(
    stage: Stage,
    database_url: str,
    redis_url: str,
    deliveries: int,
    kills: tuple[float, ...],
    *,
    record_property: Callable[[str, object], None],
) -> None:
    """Killed in the middle, once or twice: each delivery is in round 1 exactly once, and the counts say so."""
    endpoint = await stage.endpoint()
    await stage.deliveries(endpoint, deliveries)
    replay = (await stage.replay(endpoint_id=endpoint, rate_per_second=deliveries / 2)).replay
    for share in kills:
        async with worker(database_url, redis_url) as process:
            middle = await replayed(stage, replay, process, int(deliveries * share))
        assert middle.state is ReplayState.RUNNING
        assert 0 < middle.queued < deliveries
    async with worker(database_url, redis_url) as process:
        done = await replayed(stage, replay, process, deliveries + 1)
    assert (done.state, done.queued, done.skipped) == (ReplayState.COMPLETED, deliveries, 0)
    rounds = await stage.rounds(endpoint)
    record_property(f"deliveries by round, of {deliveries}, after {len(kills)} kills", rounds)
    assert rounds == {1: deliveries}
    assert await stage.pool.fetchval("SELECT count(*) FROM deliveries WHERE replay_id = $1", replay.id) == deliveries
