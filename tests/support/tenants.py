"""Partners, merchants and endpoints in a test's database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

import asyncpg

from kernel.ids import Environment, Tenant, new_id
from webhooks.endpoints.model import Caller
from webhooks.queue.port import Job

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


async def add_tenant(pool: Pool, environment: Environment = Environment.LIVE) -> Tenant:
    """A partner with the environment."""
    partner_id = new_id(datetime.now(UTC))
    await pool.execute("INSERT INTO partners (id, name) VALUES ($1, 'Example Platform Ltd')", partner_id)
    await pool.execute("INSERT INTO environments (partner_id, environment) VALUES ($1, $2)", partner_id, environment)
    return Tenant(partner_id, environment)


async def add_merchant(pool: Pool, tenant: Tenant) -> UUID:
    """A merchant of the tenant."""
    merchant_id = new_id(datetime.now(UTC))
    await pool.execute(
        "INSERT INTO merchants (partner_id, id, environment, sealed_name) VALUES ($1, $2, $3, '')",
        tenant.partner_id,
        merchant_id,
        tenant.environment,
    )
    return merchant_id


def caller(tenant: Tenant) -> Caller:
    """Somebody of the tenant."""
    return Caller(tenant=tenant, actor="cli_example", request_id="req_example")


@dataclass(slots=True)
class CollectingEnqueuer:
    """Remembers what was offered."""

    jobs: list[Job] = field(default_factory=list)

    async def offer(self, jobs: Sequence[Job]) -> None:
        self.jobs += jobs
