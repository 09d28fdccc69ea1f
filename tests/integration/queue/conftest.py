import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from config.cluster import ClusterNodes
from tests.contracts.queue.harness import POLICY
from tests.integration.queue.nodes import Cluster, running_cluster
from webhooks.queue.port import QueuePolicy
from webhooks.queue.redis_queue import RedisQueue, shard_tag
from webhooks.queue.sharded import ShardedQueue

SHARDS = 6


@dataclass(slots=True)
class ClusterHarness:
    """The queue on a cluster, as the contract's tests drive it."""

    cluster: Cluster
    nodes: ClusterNodes
    opened: int = 0
    queues: list[ShardedQueue] = field(default_factory=list)

    async def queue(self, policy: QueuePolicy) -> ShardedQueue:
        queue = self.sharded(policy, SHARDS)
        self.opened += 1
        assert await queue.open_epoch(self.opened)
        return queue

    def sharded(self, policy: QueuePolicy, count: int) -> ShardedQueue:
        servers = [self.nodes.shard(shard_tag(shard)) for shard in range(count)]
        parts = [RedisQueue(server, policy, shard=shard, shards=count) for shard, server in enumerate(servers)]
        self.queues.append(ShardedQueue(parts))
        return self.queues[-1]

    async def lose(self) -> None:
        await self.cluster.flush()

    async def pause(self) -> None:
        await asyncio.sleep(0.02)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Three nodes for all tests of this folder."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
async def harness(cluster: Cluster) -> AsyncIterator[ClusterHarness]:
    """Clients of empty nodes."""
    await cluster.agreed()
    await cluster.flush()
    nodes = ClusterNodes(lambda address: connect(cluster, address))
    harness = ClusterHarness(cluster, nodes)
    yield harness
    for queue in harness.queues:
        await queue.close()
    await nodes.close()


@pytest.fixture
async def queue(harness: ClusterHarness) -> ShardedQueue:
    """An open queue on them."""
    return await harness.queue(POLICY)


def connect(cluster: Cluster, address: tuple[str, int] | None) -> Redis:
    """A client that never repeats by itself, as the program's."""
    host, port = address or ("127.0.0.1", cluster.nodes[0].port)
    password = cluster.nodes[0].place.password
    return Redis(host=host, port=port, password=password, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))
