"""Every test of this suite runs on both event loops: they read, close and abort in different ways."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop


def pytest_asyncio_loop_factories(
    config: pytest.Config,  # noqa: ARG001 - named by the hook
    item: pytest.Item,  # noqa: ARG001 - named by the hook
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Python's own loop, and the one that the roles run on."""
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}
