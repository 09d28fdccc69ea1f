"""What is committed arrives, whatever dies meanwhile."""

import asyncio
import os
import signal
from collections import Counter

import pytest
from redis.asyncio import Redis
from rich.console import Console

from tests.e2e.running import Running, opened, publish, until
from threadneedle.demo.proof import Proof
from threadneedle.demo.scene import Scene

pytestmark = pytest.mark.timeout(180)


def heard(scene: Scene) -> Counter[str]:
    """Webhook id → how often the merchant took it."""
    return Counter(receipt.webhook_id for receipt in scene.merchant.receipts if receipt.type == "order.packed")


def assert_only_explained_repeats(scene: Scene) -> None:
    """Every POST after the first of an id says why it came."""
    seen: set[str] = set()
    for receipt in scene.merchant.receipts:
        assert receipt.verified
        assert receipt.webhook_id not in seen or receipt.cause in {"lease_expired", "reconciled", "retry"}
        seen.add(receipt.webhook_id)


async def test_a_flush_in_the_middle_loses_nothing(running: Running) -> None:
    """FLUSHALL in the middle of 500 events: all 500 arrive."""
    async with opened(running, Proof(Console(quiet=True))) as (scene, cast):
        async with Redis.from_url(running.file.redis_url) as redis:
            ids = await asyncio.gather(*(publish(scene, cast, number) for number in range(250)))
            await redis.flushall()
            ids += await asyncio.gather(*(publish(scene, cast, number) for number in range(250, 500)))
        await until(lambda: set(ids) <= set(heard(scene)))
        assert len(set(ids)) == 500
        assert_only_explained_repeats(scene)


@pytest.mark.parametrize("role", ["gateway", "dispatcher", "worker"])
async def test_a_killed_role_loses_nothing(running: Running, role: str) -> None:
    """A role is killed -9 under load: what was answered arrives, every repeat says why, and the role comes back."""
    async with opened(running, Proof(Console(quiet=True))) as (scene, cast):
        publishing = asyncio.gather(*(publish(scene, cast, number) for number in range(200)))
        await until(lambda: len(heard(scene)) > 0 or publishing.done())
        for pid in (before := running.pids(role)):
            os.kill(pid, signal.SIGKILL)
        ids = await publishing
        await until(lambda: set(ids) <= set(heard(scene)), seconds=120)
        await until(lambda: bool(running.pids(role)) and running.pids(role) != before)
        await until(lambda: running.answers(role))
        assert len(set(ids)) == 200
        assert_only_explained_repeats(scene)
