"""The kit's tests run in a loop whose time leaps: time-outs and hidden payments are waited for by nobody."""

from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.leaping import LeapingLoop


def pytest_asyncio_loop_factories(config: Any, item: Any) -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """For every test of this folder."""
    del config, item
    return {"leaping": LeapingLoop}
