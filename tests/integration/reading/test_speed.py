"""How long a page takes among 200,000 deliveries of one partner."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import pytest

from gateway.admin.queue.view import QueueView
from kernel.sealing import Vault
from tests.support.clock import FakeClock
from tests.support.shelf import Shelf
from webhooks.reading.attempts import AttemptQuery, Attempts
from webhooks.reading.deliveries import Deliveries, DeliveryQuery
from webhooks.reading.gaps import Gaps
from webhooks.reading.undelivered.summary import UndeliveredSummary
from webhooks.reading.undelivered.view import UndeliveredQuery, UndeliveredView
from webhooks.sending.model import Cause
from webhooks.states import DeliveryState

COUNT = 200_000
_MS_MAX = 500


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_pages_stay_fast_among_200_000_deliveries(
    shelf: Shelf, vault: Vault, clock: FakeClock, record_property: Callable[[str, object], None]
) -> None:
    """Each kind of page, also those that find nothing in all that they look at, takes half a second at most."""
    endpoints = [await shelf.endpoint() for _ in range(20)]
    await shelf.fill(endpoints, COUNT, datetime.now(UTC), timedelta(seconds=5))
    last = await shelf.delivery(endpoints[0], state="dead", state_reason="steps_used", last_status_code=503)
    for _ in range(2_000):
        await shelf.delivery(endpoints[1], state="pending", next_attempt_at=clock.now(), last_attempt_at=clock.now())
    database = shelf.pool
    deliveries, attempts = Deliveries(database), Attempts(database, vault)
    view, tenant, endpoint = UndeliveredView(database, clock), shelf.tenant, endpoints[0]
    day = {"since": clock.now() - timedelta(days=3), "until": clock.now() - timedelta(days=2)}

    def listed(**fields: Any) -> Callable[[], Awaitable[object]]:
        return lambda: deliveries.list(tenant, DeliveryQuery(limit=50, **fields))

    def tried(**fields: Any) -> Callable[[], Awaitable[object]]:
        return lambda: attempts.search(tenant, AttemptQuery(limit=50, **fields))

    looks: dict[str, Callable[[], Awaitable[object]]] = {
        "newest deliveries": listed(),
        "of an endpoint": listed(endpoint_id=endpoint),
        "of a day": listed(**day),
        "dead": listed(states=(DeliveryState.DEAD,)),
        "pending": listed(states=(DeliveryState.PENDING,)),
        "4xx, of which there are none": listed(status_codes=(400, 499)),
        "4xx of an endpoint, none": listed(endpoint_id=endpoint, status_codes=(400, 499)),
        "of a type, none": listed(types=("refund.*",)),
        "by cause, none": listed(cause=Cause.PROBE),
        "one": lambda: deliveries.get(tenant, last),
        "newest attempts": tried(),
        "attempts of an endpoint": tried(endpoint_id=endpoint),
        "attempts 4xx, none": tried(status_codes=(400, 499)),
        "undelivered": lambda: view.list(tenant, UndeliveredQuery(limit=50)),
        "undelivered of an endpoint": lambda: view.list(tenant, UndeliveredQuery(limit=50, endpoint_id=endpoint)),
        "summary": lambda: UndeliveredSummary(database, clock).read(tenant, None, None),
        "gaps, all": lambda: Gaps(database).after(tenant, endpoint, 0, 100),
        "gaps, last": lambda: Gaps(database).after(tenant, endpoint, 9_990, 100),
        "queue": lambda: QueueView(database).read(),
    }
    taken = {name: await _milliseconds(look) for name, look in looks.items()}
    for name, each in taken.items():
        record_property(f"{name}, ms", round(each, 1))
    assert {name: each for name, each in taken.items() if each > _MS_MAX} == {}


async def _milliseconds(look: Callable[[], Awaitable[object]]) -> float:
    """The median of five."""
    each = []
    for _ in range(5):
        started = time.perf_counter()
        await look()
        each.append((time.perf_counter() - started) * 1000)
    return median(each)
