"""The dispatcher with the transport that it has in life, and a receiver that takes nearly all the time there is."""

import asyncio
from collections import Counter
from dataclasses import replace

from tests.support.raw_server import Exchange, serving
from tests.support.receivers import OPEN
from tests.support.webhooks import FAST, FAST_QUEUE, TENANT, World, until
from webhooks.endpoints.model import Caller
from webhooks.endpoints.requests import EndpointDraft, EndpointRules
from webhooks.endpoints.service import Endpoints
from webhooks.endpoints.urls import UrlRules
from webhooks.sending.lean_transport import LeanTransport
from webhooks.sending.sender import Sender, SendPolicy
from webhooks.sending.transport import TransportPolicy

# Together as long as the lease: not a moment to spare but what the answer leaves.
TIGHT = replace(FAST, load_seconds=0.2, send_seconds=0.6, commit_seconds=0.2)
BEFORE_SECONDS = 0.2
EVENTS = 10


async def test_an_answer_just_before_the_deadline_counts_once(world: World) -> None:
    """A receiver that answers 0.2 s before the deadline, with leases at their minimum, gets each attempt once."""
    assert FAST_QUEUE.lease_seconds == TIGHT.lease_seconds_min
    received: Counter[bytes] = Counter()

    async def receiver(exchange: Exchange) -> None:
        while True:
            request = await exchange.read_request()
            received[request.split(b"webhook-id: ")[1].split(b"\r\n")[0]] += 1
            await asyncio.sleep(TIGHT.send_seconds - BEFORE_SECONDS)
            await exchange.say(b"HTTP/1.1 204 No Content\r\n\r\n")

    rules = EndpointRules(urls=UrlRules(allowed=OPEN))
    transport = LeanTransport(TransportPolicy(total_timeout_seconds=TIGHT.send_seconds), OPEN)
    async with serving(receiver) as server, world.results() as results:
        caller = Caller(tenant=TENANT, actor="test", request_id="r")
        await Endpoints(world.pool, world.vault, world.clock, rules).create(caller, EndpointDraft(url=server.url()))
        dispatcher = world.dispatcher(results, TIGHT, Sender(transport, world.clock, SendPolicy()))
        running = asyncio.create_task(dispatcher.run())
        await world.publish(EVENTS)
        await until(lambda: _is_done(world))
        dispatcher.stop()
        await running
    await transport.close()
    assert len(received) == EVENTS
    assert set(received.values()) == {1}
    assert [attempt["status_code"] for attempt in await world.attempts()] == [204] * EVENTS


async def _is_done(world: World) -> bool:
    return await world.pending() == 0
