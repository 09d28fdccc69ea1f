"""One delivery, now."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from kernel.errors import Conflict, NotFound
from kernel.ids import Environment, Tenant
from tests.support.replays import Stage
from tests.support.tenants import add_tenant, caller
from webhooks.queue.port import Origin
from webhooks.states import DeliveryState, ReplayState

HELD = "UPDATE webhook_endpoints SET held_at = now(), next_probe_at = now() + interval '1 minute'"


async def audited(stage: Stage) -> list[str]:
    """What the audit log says, first to last."""
    return [row["action"] for row in await stage.pool.fetch("SELECT action FROM audit_log ORDER BY at, id")]


async def test_a_pending_delivery_is_due_now_without_a_new_round(stage: Stage) -> None:
    """Its round and step stay, what it waited for is forgotten, and it is offered once."""
    [delivery_id] = await stage.deliveries(
        await stage.endpoint(), state="pending", ordering_key=stage.tenant.partner_id
    )
    await stage.pool.execute("UPDATE deliveries SET awaits_lane = true, not_before = now() + interval '1 day'")
    retried = await stage.retrier.retry(caller(stage.tenant), delivery_id)
    assert (retried.round, retried.step, retried.replay_id) == (0, 9, None)
    row = await stage.delivery(delivery_id)
    assert (row["round"], row["step"], row["awaits_lane"], row["not_before"]) == (0, 9, False, None)
    assert row["ordering_key"] == stage.tenant.partner_id
    assert await stage.pool.fetchval("SELECT next_attempt_at <= now() FROM deliveries")
    [job] = stage.enqueuer.jobs
    assert (job.delivery_id, job.round, job.step, job.origin) == (delivery_id, 0, 9, Origin.OFFERED)
    assert await audited(stage) == ["delivery.retried"]


async def test_at_a_held_lane_the_retry_is_a_probe(stage: Stage) -> None:
    """Whoever asks for a try now wants to know whether the lane is well, and a held lane gives out probes only."""
    [delivery_id] = await stage.deliveries(await stage.endpoint(), state="pending")
    await stage.pool.execute(HELD)
    await stage.retrier.retry(caller(stage.tenant), delivery_id)
    assert [job.origin for job in stage.enqueuer.jobs] == [Origin.PROBE]


@pytest.mark.parametrize("state", ["delivered", "dead", "undelivered", "cancelled"])
async def test_an_ended_delivery_gets_another_round(stage: Stage, state: str) -> None:
    """It is a replay of one delivery, done with the answer and told in full."""
    [delivery_id] = await stage.deliveries(await stage.endpoint(), state=state)
    retried = await stage.retrier.retry(caller(stage.tenant), delivery_id)
    assert (retried.round, retried.step) == (1, 0)
    assert retried.replay_id is not None
    progress = await stage.replays.get(stage.tenant, retried.replay_id)
    replay = progress.replay
    assert (replay.state, replay.total, replay.queued) == (ReplayState.COMPLETED, 1, 1)
    assert replay.delivery_id == delivery_id
    assert progress.outcomes == {DeliveryState.PENDING: 1}
    assert [(job.delivery_id, job.round, job.step) for job in stage.enqueuer.jobs] == [(delivery_id, 1, 0)]
    assert await audited(stage) == ["delivery.retried"]


async def test_a_replay_of_one_delivery(stage: Stage) -> None:
    """Asked for as a replay it does the same, and refuses one that is under way."""
    endpoint = await stage.endpoint()
    [ended, pending] = *await stage.deliveries(endpoint), *await stage.deliveries(endpoint, state="pending")
    progress = await stage.replay(delivery_id=ended, since=None, until=None)
    assert (progress.replay.state, progress.replay.queued) == (ReplayState.COMPLETED, 1)
    assert await audited(stage) == ["replay.created"]
    with pytest.raises(Conflict) as refused:
        await stage.replay(delivery_id=pending, since=None, until=None)
    assert refused.value.problem_code == "delivery_under_way"
    assert refused.value.action


async def _refusal(stage: Stage, delivery_id: Any) -> str:
    with pytest.raises(Conflict) as refused:
        await stage.retrier.retry(caller(stage.tenant), delivery_id)
    return refused.value.problem_code


async def test_what_cannot_be_sent_is_refused_with_advice(stage: Stage) -> None:
    """An endpoint that receives nothing or is paused, a waiting delivery, an erased event, one beyond the window."""
    endpoint = await stage.endpoint()
    [dead] = await stage.deliveries(endpoint)
    [waiting] = await stage.deliveries(endpoint, state="waiting", ordering_key=stage.tenant.partner_id)
    assert await _refusal(stage, waiting) == "delivery_waiting"
    for state in ("disabled", "unproven", "deleted"):
        await stage.pool.execute("UPDATE webhook_endpoints SET state = $1::text::endpoint_state", state)
        assert await _refusal(stage, dead) == "endpoint_not_receiving"
    await stage.pool.execute("UPDATE webhook_endpoints SET state = 'enabled', paused_at = now()")
    assert await _refusal(stage, dead) == "endpoint_paused"
    await stage.pool.execute("UPDATE webhook_endpoints SET paused_at = NULL")
    stage.clock.advance(timedelta(days=31).total_seconds())
    assert await _refusal(stage, dead) == "outside_replay_window"
    await stage.pool.execute("UPDATE events SET erased_at = now()")
    assert await _refusal(stage, dead) == "event_erased"
    assert stage.enqueuer.jobs == []
    assert await audited(stage) == []


async def test_other_tenants_and_made_up_ids_find_nothing(stage: Stage) -> None:
    """Another partner, the other environment and any id at all: not found."""
    [delivery_id] = await stage.deliveries(await stage.endpoint())
    strangers = [await add_tenant(stage.pool), Tenant(stage.tenant.partner_id, Environment.TEST)]
    for tenant in strangers:
        with pytest.raises(NotFound):
            await stage.retrier.retry(caller(tenant), delivery_id)
    for number in (0, 1, (1 << 128) - 1):
        with pytest.raises(NotFound):
            await stage.retrier.retry(caller(stage.tenant), UUID(int=number))
