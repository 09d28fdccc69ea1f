"""The queue on a real cluster: the contract's essence, and what happens to the others when one node dies or forgets."""

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot

from config.cluster import ClusterNodes
from config.loading import load_settings
from config.resources import ResourceError, check_cluster, open_resources
from tests.contracts.queue.harness import POLICY, claim_when_ready, ids, jobs_of, lane_of, new_lane
from tests.contracts.queue.test_lanes import (  # noqa: F401 - so they run here too
    test_a_held_lane_gives_out_one_probe,
    test_a_parked_lane_waits_and_comes_back,
    test_a_paused_lane_keeps_its_jobs,
    test_a_rate_changes_live,
    test_an_opened_lane_starts_slowly,
    test_high_priority_goes_first,
)
from tests.contracts.queue.test_queue import (  # noqa: F401 - so they run here too
    test_a_finished_job_is_forgotten,
    test_a_flushed_queue_says_so,
    test_a_full_call_works,
    test_a_higher_round_ends_a_lease,
    test_a_job_is_claimed_as_it_was_offered,
    test_a_known_job_is_not_added_again,
    test_a_lane_has_a_cap,
    test_a_lane_has_a_window,
    test_a_lane_is_first_in_first_out,
    test_a_lease_ends_once,
    test_a_new_epoch_begins_empty,
    test_a_renewed_lease_lasts_longer,
    test_a_retry_comes_later_and_never_early,
    test_a_stuck_lane_delays_nobody,
    test_an_epoch_never_goes_back,
    test_an_expired_lease_is_claimed_again,
    test_calls_are_bounded,
    test_only_the_near_future_is_kept,
    test_waiting_ends_by_itself,
    test_waiting_ends_when_something_comes,
)
from tests.integration.queue.conftest import SHARDS, ClusterHarness
from tests.integration.queue.nodes import Cluster, Node
from tests.support.webhooks import until
from webhooks.queue.port import (
    EpochLost,
    Finish,
    Job,
    LaneMode,
    Placed,
    QueuePolicy,
    QueueUnavailable,
)
from webhooks.queue.redis_queue import RedisQueue, shard_tag
from webhooks.queue.sharded import ShardedQueue


async def node_of(harness: ClusterHarness, shard: int) -> Node:
    """Where a shard lives."""
    client = await harness.nodes.client_of(key_slot(shard_tag(shard).encode()))
    port = client.connection_pool.connection_kwargs["port"]
    return next(node for node in harness.cluster.nodes if node.port == port)


def one_job_per_shard(queue: ShardedQueue) -> list[Job]:
    """A job for every shard, found by trying lanes; in the order of the shards."""
    jobs: dict[int, Job] = {}
    while len(jobs) < SHARDS:
        [job] = jobs_of(new_lane(), 1)
        jobs[queue._at(job)] = job
    return [jobs[shard] for shard in range(SHARDS)]


async def test_the_shards_are_spread(harness: ClusterHarness, queue: ShardedQueue) -> None:
    """Every node holds some of the shards, each shard's keys live on one node, and together they hold everything."""
    assert {await node_of(harness, shard) for shard in range(SHARDS)} == set(harness.cluster.nodes)
    jobs = one_job_per_shard(queue)
    assert await queue.enqueue(jobs) == [Placed.ADDED] * SHARDS
    assert sorted(ids(await queue.claim(100))) == sorted(ids(jobs))
    assert await queue.count() == SHARDS


async def test_a_node_that_forgot_is_filled_again(harness: ClusterHarness, queue: ShardedQueue) -> None:
    """One node loses its data: the next epoch begins there only, and leases elsewhere still count."""
    jobs = one_job_per_shard(queue)
    await queue.enqueue(jobs)
    claims = await queue.claim(100)
    places = [await node_of(harness, shard) for shard in range(SHARDS)]
    forgetful = places[0]
    async with forgetful.client() as client:
        await client.flushall()
    assert await queue.is_lost()
    assert await queue.open_epoch(100)
    assert not await queue.is_lost()
    placed = await queue.enqueue(jobs)
    forgotten = places.count(forgetful)
    assert (placed.count(Placed.ADDED), placed.count(Placed.KNOWN)) == (forgotten, SHARDS - forgotten)
    assert await queue.finish([Finish(claim=claim) for claim in claims]) == SHARDS - forgotten
    again = await queue.claim(100)
    assert await queue.finish([Finish(claim=claim) for claim in again]) == forgotten
    assert await queue.count() == 0


@pytest.mark.timeout(90)
async def test_a_dead_node_stops_nobody_else(harness: ClusterHarness, queue: ShardedQueue) -> None:
    """While one node is dead the other shards go on; when it is back, empty, it is filled again."""
    jobs = one_job_per_shard(queue)
    places = [await node_of(harness, shard) for shard in range(SHARDS)]
    dead = places[0]
    alive = [job for job, node in zip(jobs, places, strict=True) if node is not dead]
    dead.kill()
    await queue.configure([lane_of(job.endpoint_id, cap=3) for job in jobs])
    placed = await queue.enqueue(jobs)
    assert (placed.count(Placed.ADDED), placed.count(Placed.AWAY)) == (len(alive), SHARDS - len(alive))
    claims = await queue.claim(100)
    assert sorted(ids(claims)) == sorted(ids(alive))
    assert await queue.renew(claims) == [True] * len(alive)
    assert await queue.finish([Finish(claim=claim) for claim in claims]) == len(alive)
    assert not await queue.is_lost()
    await dead.start()
    await harness.cluster.agreed()
    await until(lambda: _all_answer_and_are_lost(queue))
    assert await queue.open_epoch(100)
    assert set(await queue.enqueue(jobs)) == {Placed.ADDED}
    assert len(await claim_when_ready(harness, queue, SHARDS)) == SHARDS


async def _all_answer_and_are_lost(queue: ShardedQueue) -> bool:
    """A node has several shards, and each is found to be back by itself."""
    return not queue._away and await queue.is_lost()


async def test_another_count_of_shards_is_a_loss(harness: ClusterHarness, queue: ShardedQueue) -> None:
    """A process that counts shards otherwise finds the queue lost, until an epoch of its count is open."""
    fewer = harness.sharded(POLICY, SHARDS - 2)
    assert await fewer.is_lost()
    with pytest.raises(EpochLost):
        await fewer.enqueue(jobs_of(new_lane(), 1))
    assert await fewer.open_epoch(100)
    assert await fewer.enqueue(jobs_of(new_lane(), 1)) == [Placed.ADDED]
    assert await queue.is_lost()
    assert await fewer.drop_old_epochs() > 0


async def test_a_configuration_reaches_its_shard(queue: ShardedQueue) -> None:
    """Lanes of several shards are told in one call."""
    lanes = [new_lane() for _ in range(12)]
    await queue.configure([lane_of(lane, LaneMode.PAUSED) for lane in lanes[:6]])
    await queue.enqueue([jobs_of(lane, 1)[0] for lane in lanes])
    assert {claim.job.endpoint_id for claim in await queue.claim(100)} == set(lanes[6:])


async def test_no_node_at_all_is_unavailable() -> None:
    """A cluster that cannot be reached is 'unavailable', not an error of the driver."""
    nodes = ClusterNodes(lambda _: Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0)))
    with pytest.raises(QueueUnavailable):
        await RedisQueue(nodes.shard(shard_tag(0)), QueuePolicy()).claim(1)
    await nodes.close()


async def test_the_settings_open_a_cluster(cluster: Cluster, database_url: str, redis_url: str) -> None:
    """With queue_cluster the process knows every node by the one that the URL names; none may evict keys."""
    settings = load_settings(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": cluster.url,
            "THREADNEEDLE_REDIS__QUEUE_CLUSTER": "true",
            "THREADNEEDLE_REDIS__LIMITS_URL": redis_url,
        }
    )
    async with open_resources(settings, role="test") as resources:
        assert resources.queue_cluster is not None
        assert len(await resources.queue_cluster.clients()) == len(cluster.nodes)
        queue = RedisQueue(resources.queue_cluster.shard(shard_tag(0)), POLICY)
        assert await queue.open_epoch(1_000)
        async with cluster.nodes[1].client() as client:
            await client.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(ResourceError, match="noeviction"):
            await check_cluster(resources.queue_cluster)
        async with cluster.nodes[1].client() as client:
            await client.config_set("maxmemory-policy", "noeviction")
