"""Telling the queue about a lane never fails a change and hardly delays it; challenges are few at a time."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest

from kernel.errors import Unavailable
from kernel.ids import Environment, Tenant
from webhooks.endpoints.model import Endpoint, EndpointSettings, Hearing, Pace, Standing
from webhooks.endpoints.telling import LaneTeller
from webhooks.endpoints.trying.courier import BoundedCourier
from webhooks.queue.port import EpochLost, Lane, QueueError, QueueUnavailable
from webhooks.sending.model import Timings
from webhooks.sending.transport import WireReply, WireRequest
from webhooks.states import EndpointState, SignatureScheme

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ENDPOINT = Endpoint(
    tenant=Tenant(UUID(int=1), Environment.LIVE),
    id=UUID(int=2),
    merchant_id=None,
    settings=EndpointSettings(url="https://a.example/hook"),
    hearing=Hearing(event_types=("*",)),
    pace=Pace(),
    standing=Standing(state=EndpointState.ENABLED),
    signatures=(SignatureScheme.V1,),
    client_certificate=None,
    version=1,
    created_at=NOW,
    updated_at=NOW,
)
REQUEST = WireRequest(url="https://a.example/hook", headers=(), body=b"{}")


class BrokenQueue:
    """Fails, or never answers."""

    def __init__(self, error: QueueError | None) -> None:
        self._error = error
        self.calls = 0

    async def configure(self, lanes: Sequence[Lane]) -> None:
        self.calls += len(lanes)
        if self._error is None:
            await asyncio.Event().wait()
        else:
            raise self._error


@pytest.mark.parametrize("error", [QueueUnavailable(), EpochLost(), None])
async def test_a_queue_that_cannot_be_told_fails_nothing(error: QueueError | None) -> None:
    """Whether it is away, has lost its memory, or does not answer in time."""
    queue = BrokenQueue(error)
    began = time.monotonic()
    await LaneTeller(queue, wait_seconds=0.05).tell(ENDPOINT)
    assert queue.calls == 1
    assert time.monotonic() - began < 5


class SlowTransport:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def send(self, request: WireRequest) -> WireReply:  # noqa: ARG002 - the same for all
        await self.gate.wait()
        return WireReply(timings=Timings(total_us=1), status=204)

    async def close(self) -> None:
        """Nothing to close."""


async def test_challenges_are_few_at_a_time() -> None:
    """A slow receiver takes a place, never more than there are; who finds none is told to come back."""
    transport = SlowTransport()
    courier = BoundedCourier(transport, at_once=2)
    waiting = [asyncio.create_task(courier.post(REQUEST)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as busy:
        await courier.post(REQUEST)
    assert (busy.value.problem_code, busy.value.retry_after_seconds) == ("challenges_busy", 5)
    transport.gate.set()
    assert [reply.status for reply in await asyncio.gather(*waiting)] == [204, 204]
    assert (await courier.post(REQUEST)).status == 204
