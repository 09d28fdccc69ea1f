from tests.integration.dispatch.conftest import queue, world
from tests.integration.gateway.conftest import edge

__all__ = ["edge", "queue", "world"]
