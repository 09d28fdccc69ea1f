"""What publishes, on a real database."""

from tests.support.publishing import endpoints, enqueuer, make_publisher, publisher, second_pool, tenant, writer

__all__ = ["endpoints", "enqueuer", "make_publisher", "publisher", "second_pool", "tenant", "writer"]
