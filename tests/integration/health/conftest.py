from tests.integration.dispatch.conftest import queue, world

__all__ = ["queue", "world"]
