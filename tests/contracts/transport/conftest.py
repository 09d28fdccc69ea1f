"""Every test of this suite runs on every transport and on both event loops: they read, close and abort differently."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from tests.support.receivers import CAP, LONG_SECONDS, OPEN, Build
from webhooks.sending.aiohttp_transport import AiohttpTransport
from webhooks.sending.destination import AllowList
from webhooks.sending.lean_transport import LeanTransport
from webhooks.sending.transport import Transport, TransportPolicy

IMPLEMENTATIONS = {"aiohttp": AiohttpTransport, "lean": LeanTransport}


def pytest_asyncio_loop_factories(
    config: pytest.Config,  # noqa: ARG001 - named by the hook
    item: pytest.Item,  # noqa: ARG001 - named by the hook
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Python's own loop, and the one that the roles run on."""
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
async def build(request: pytest.FixtureRequest) -> AsyncIterator[Build]:
    """Makes transports of one implementation and closes them."""
    made: list[Transport] = []

    def make(allowed: AllowList = OPEN, ca_file: str | None = None, seconds: float = LONG_SECONDS) -> Transport:
        policy = TransportPolicy(total_timeout_seconds=seconds, response_body_bytes_max=CAP, dns_cache_seconds=0)
        made.append(IMPLEMENTATIONS[request.param](policy, allowed, ca_file))
        return made[-1]

    yield make
    for transport in made:
        await transport.close()
