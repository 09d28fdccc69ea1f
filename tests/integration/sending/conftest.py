"""What the lean transport alone promises, on both event loops: the roles run on uvloop, many tools on asyncio's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

import pytest
import uvloop

from tests.support.receivers import CAP, LONG_SECONDS, OPEN
from webhooks.sending.destination import AllowList
from webhooks.sending.dialing.tunnel import EgressProxy
from webhooks.sending.lean_transport import LeanTransport
from webhooks.sending.transport import TransportPolicy


class BuildLean(Protocol):
    """Makes a lean transport, which the fixture closes; `policy` overrides the test's."""

    def __call__(
        self,
        allowed: AllowList = OPEN,
        ca_file: str | None = None,
        proxy: EgressProxy | None = None,
        **policy: float,
    ) -> LeanTransport: ...


def pytest_asyncio_loop_factories(
    config: pytest.Config,  # noqa: ARG001 - named by the hook
    item: pytest.Item,  # noqa: ARG001 - named by the hook
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Python's own loop, and the one that the roles run on."""
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def lean() -> AsyncIterator[BuildLean]:
    """Makes lean transports and closes them."""
    made: list[LeanTransport] = []

    def make(
        allowed: AllowList = OPEN, ca_file: str | None = None, proxy: EgressProxy | None = None, **policy: float
    ) -> LeanTransport:
        numbers = {"total_timeout_seconds": LONG_SECONDS, "response_body_bytes_max": CAP, "dns_cache_seconds": 0}
        made.append(LeanTransport(TransportPolicy(**numbers | policy), allowed, ca_file, proxy))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for transport in made:
        await transport.close()
