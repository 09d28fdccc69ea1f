"""A reconciler as the tests of this folder drive it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from tests.support.webhooks import World, kill
from webhooks.queue.port import RebuildableQueue
from webhooks.reconciler.model import ReconcilerMetrics, ReconcilerPolicy
from webhooks.reconciler.reconciler import Reconciler
from webhooks.reconciler.tools import Tools

POLICY = ReconcilerPolicy(
    check_seconds=0.1, walk_seconds=0.2, walk_seconds_max=0.5, heal_seconds=0.2, grace_seconds=0.3, rows_per_lane=7
)


def a_reconciler(
    world: World,
    registry: CollectorRegistry | None = None,
    policy: ReconcilerPolicy = POLICY,
    queue: RebuildableQueue | None = None,
) -> Reconciler:
    """One on this world's database and queue."""
    metrics = ReconcilerMetrics.registered(registry or CollectorRegistry())
    tools = Tools(
        pool=world.pool,
        queue=queue or world.queue,  # type: ignore[arg-type]
        clock=world.clock,
        policy=policy,
        metrics=metrics,
        events=world.writer,
    )
    return Reconciler(tools)


@asynccontextmanager
async def reconciling(*reconcilers: Reconciler) -> AsyncIterator[None]:
    """They run for as long as the block does."""
    running = [asyncio.create_task(reconciler.run()) for reconciler in reconcilers]
    try:
        yield
        assert not any(task.done() for task in running)
    finally:
        for task in running:
            await kill(task)
