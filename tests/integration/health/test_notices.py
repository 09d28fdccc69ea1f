"""What partners are told of their endpoints, by results and by time: once, with the change itself."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import orjson
import pytest

from tests.support.webhooks import FAST, TENANT, World, result_of, until
from webhooks.dispatch.policy import RetryPolicy
from webhooks.health.model import HealthPolicy
from webhooks.health.watch import HealthWatch
from webhooks.sending.model import AttemptResult, Blame, Decision, LoadedDelivery, Verdict
from webhooks.sending.schedule import Schedule

FAILED = Verdict(decision=Decision.RETRY, blame=Blame.LANE)
DELIVERED = Verdict(decision=Decision.DELIVERED)
ONE_TRY = replace(FAST, retry=RetryPolicy(schedule=Schedule(delays_seconds=(0,))))


async def told(world: World) -> list[tuple[str, dict[str, object]]]:
    """Type and data of every notice that was written, in the order of their ids."""
    rows = await world.pool.fetch(
        "SELECT id, type, sealed_body FROM events WHERE type NOT LIKE 'payment.%' ORDER BY occurred_at, id"
    )
    bodies = [
        await world.vault.open(TENANT.partner_id, row["sealed_body"], b"events.body:" + row["id"].bytes) for row in rows
    ]
    return [(row["type"], orjson.loads(body)["data"]) for row, body in zip(rows, bodies, strict=True)]


async def watch_twice(world: World) -> None:
    """Two workers at once, and then one of them again."""
    watches = [HealthWatch(world.pool, world.writer, world.enqueuer, world.clock, HealthPolicy()) for _ in range(2)]
    await asyncio.gather(*(watch.run_once() for watch in watches))
    await watches[0].run_once()


async def age(world: World, endpoint_id: UUID, **columns: timedelta) -> None:
    """Move times of an endpoint back."""
    for name, by in columns.items():
        statement = f"UPDATE webhook_endpoints SET {name} = {name} - $2::interval WHERE id = $1"  # noqa: S608 - names
        await world.pool.execute(statement, endpoint_id, by)


async def failing(world: World, *, deliveries: int) -> UUID:
    """An endpoint with so many deliveries that failed, all of them dead."""
    endpoint_id = await world.endpoint(event_types=["payment.*"])
    world.sender.verdicts[endpoint_id] = FAILED
    async with world.dispatching(ONE_TRY):
        await world.publish(deliveries)
        await until(lambda: _is_done(world))
    return endpoint_id


async def test_a_delivery_that_dies_is_told_once(world: World) -> None:
    """`delivery.dead` names delivery, event and reason; a notice that dies is told to nobody."""
    endpoint_id = await world.endpoint(event_types=["payment.*"])
    listener = await world.endpoint(event_types=["delivery.*"])
    world.sender.verdicts |= {endpoint_id: FAILED, listener: FAILED}
    async with world.dispatching(ONE_TRY):
        [event_id] = await world.publish()
        await until(lambda: _is_done(world))
    [(kind, data)] = await told(world)
    assert (kind, data["reason"]) == ("delivery.dead", "steps_used")
    assert [sent.endpoint_id for sent in world.sender.sent] == [endpoint_id, listener]
    assert await world.pool.fetchval("SELECT count(*) FROM deliveries WHERE state = 'dead'") == 2
    assert world.sender.sent[0].event_id == event_id


async def test_warnings_come_after_one_day_and_after_three(world: World) -> None:
    """A failing endpoint is told of twice in a spell, with or without traffic, however many workers look."""
    endpoint_id = await failing(world, deliveries=2)
    seen = []
    for hours in (23, 2, 46, 2, 10):
        await age(world, endpoint_id, failing_since=timedelta(hours=hours))
        await watch_twice(world)
        seen.append([kind for kind, _ in await told(world)].count("endpoint.failing"))
    assert seen == [0, 1, 1, 2, 2]
    assert [data["failed_deliveries"] for kind, data in await told(world) if kind == "endpoint.failing"] == [2, 2]


async def test_a_recovery_is_told_where_a_warning_was(world: World) -> None:
    """The first 2xx after a warning is told; one that nobody was warned before is no news."""
    endpoint_id = await failing(world, deliveries=1)
    await age(world, endpoint_id, failing_since=timedelta(days=2))
    await watch_twice(world)
    world.sender.verdicts[endpoint_id] = DELIVERED
    async with world.dispatching():
        await world.publish(3)
        await until(lambda: _is_done(world))
    world.sender.verdicts[endpoint_id] = FAILED
    async with world.dispatching(ONE_TRY):
        await world.publish()
        await until(lambda: _is_done(world))
    world.sender.verdicts[endpoint_id] = DELIVERED
    async with world.dispatching():
        await world.publish()
        await until(lambda: _is_done(world))
    assert [kind for kind, _ in await told(world)].count("endpoint.recovered") == 1
    assert await world.pool.fetchval("SELECT failing_since FROM webhook_endpoints") is None


@pytest.mark.parametrize(("deliveries", "state"), [(4, "enabled"), (5, "disabled")])
async def test_five_days_and_five_deliveries_disable(world: World, deliveries: int, state: str) -> None:
    """Five days of failing end an endpoint where five distinct deliveries failed; it is audited and told once."""
    endpoint_id = await failing(world, deliveries=deliveries)
    await age(world, endpoint_id, failing_since=timedelta(days=5))
    await watch_twice(world)
    assert await world.pool.fetchval("SELECT state::text FROM webhook_endpoints") == state
    disabled = [data for kind, data in await told(world) if kind == "endpoint.disabled"]
    audited = await world.pool.fetch("SELECT actor, detail FROM audit_log WHERE action = 'endpoint.disabled'")
    assert len(disabled) == len(audited) == (state == "disabled")
    assert all(data["reason"] == "failed_too_long" for data in disabled)
    assert all(row["actor"] == "system" for row in audited)


async def test_a_410_is_told_and_audited_once(world: World) -> None:
    """Many deliveries that are answered 410 at once disable their endpoint once."""
    endpoint_id = await world.endpoint(event_types=["payment.*"])
    world.sender.verdicts[endpoint_id] = Verdict(decision=Decision.DISABLE, blame=Blame.LANE)
    async with world.dispatching():
        await world.publish(10)
        await until(lambda: _is_done(world))
    assert [(kind, data["reason"]) for kind, data in await told(world)] == [("endpoint.disabled", "receiver_asked")]
    assert await world.pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'endpoint.disabled'") == 1


async def test_a_certificate_that_ends_is_told_twice(world: World) -> None:
    """A handshake that shows 21 days or less is told at once; the seventh day comes with or without traffic."""
    await world.endpoint(event_types=["payment.*"])
    sender = _Certified(world, timedelta(days=20))
    async with world.results() as results:
        dispatcher = world.dispatcher(results, sender=sender)
        running = asyncio.create_task(dispatcher.run())
        for _ in range(3):
            await world.publish()
            await until(lambda: _is_done(world))
        dispatcher.stop()
        await running
    await watch_twice(world)
    assert [kind for kind, _ in await told(world)] == ["certificate.expiring"]
    [endpoint_id] = [row["id"] for row in await world.pool.fetch("SELECT id FROM webhook_endpoints")]
    await age(world, endpoint_id, certificate_expires_at=timedelta(days=14), certificate_told=timedelta(days=14))
    await watch_twice(world)
    assert [kind for kind, _ in await told(world)] == ["certificate.expiring"] * 2


async def test_the_end_of_our_own_certificate_is_told_once_for_each_moment(world: World) -> None:
    """21 and seven days before, without traffic; another certificate has its own end, and none has no end."""
    endpoint_id = await world.endpoint(event_types=["payment.*"])
    await world.endpoint(event_types=["order.*"])
    for left, notices in ((30, 0), (21, 1), (8, 1), (7, 2), (1, 2)):
        statement = "UPDATE webhook_endpoints SET client_certificate_expires_at = now() + $2::interval WHERE id = $1"
        await world.pool.execute(statement, endpoint_id, timedelta(days=left))
        await watch_twice(world)
        assert len(await told(world)) == notices, left
    kinds, data = zip(*await told(world), strict=True)
    assert set(kinds) == {"certificate.expiring"}
    assert {one["certificate"] for one in data} == {"client"}


class _Certified:
    """Every answer comes with the same certificate."""

    def __init__(self, world: World, left: timedelta) -> None:
        self._expires_at = world.clock.now().replace(microsecond=0) + left

    async def send(self, delivery: LoadedDelivery) -> AttemptResult:
        assert delivery.body
        return replace(result_of(DELIVERED), certificate_expires_at=self._expires_at)


async def _is_done(world: World) -> bool:
    return await world.pending() == 0
