"""What of the webhooks rooms the gateway opens and closes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kernel.batcher import Batcher
from threadneedle.roles import policies
from threadneedle.roles.foundation import Foundation
from webhooks.catalogue.memory import Catalogue
from webhooks.endpoints.trying.courier import BoundedCourier, Courier
from webhooks.events.checks import Checks, Merchants
from webhooks.events.publisher import EventWork, Publisher
from webhooks.events.requests import PublishPolicy
from webhooks.sending.lean_transport import LeanTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """Open, until the gateway ends."""

    publisher: Publisher
    courier: Courier


@asynccontextmanager
async def open_publisher(foundation: Foundation) -> AsyncIterator[Publisher]:
    """What takes events in, in batches."""
    batcher = Batcher(
        foundation.resources.hot_pool,
        EventWork(foundation.events, foundation.enqueuer),
        policies.batch_policy(foundation.settings.batches),
        foundation.batch_metrics,
    )
    await batcher.start()
    try:
        yield Publisher(batcher, foundation.events, _checks(foundation), foundation.clock)
    finally:
        await batcher.close()


def _checks(foundation: Foundation) -> Checks:
    pool = foundation.resources.pool
    policy = PublishPolicy(data_bytes_max=foundation.settings.gateway.event_bytes_max)
    return Checks(Merchants(pool), Catalogue(pool, foundation.vault), policy)


@asynccontextmanager
async def open_courier(foundation: Foundation) -> AsyncIterator[Courier]:
    """What takes challenges to receivers."""
    settings = foundation.settings.webhooks
    transport = LeanTransport(
        policies.challenge_policy(settings), policies.allow_list(settings), proxy=policies.egress_proxy(settings)
    )
    try:
        yield BoundedCourier(transport, settings.challenges_running_max)
    finally:
        await transport.close()
