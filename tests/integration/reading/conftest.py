"""What publishes and what is read, on a real database."""

import asyncpg
import pytest

from kernel.ids import Tenant
from tests.support.publishing import endpoints, enqueuer, make_publisher, publisher, second_pool, tenant, writer
from tests.support.shelf import Shelf

__all__ = ["endpoints", "enqueuer", "make_publisher", "publisher", "second_pool", "shelf", "tenant", "writer"]


@pytest.fixture
def shelf(database: "asyncpg.Pool[asyncpg.Record]", tenant: Tenant) -> Shelf:
    """Rows of the tenant, put there by hand."""
    return Shelf(database, tenant)
