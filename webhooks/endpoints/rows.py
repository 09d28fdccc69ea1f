"""Rows of endpoints: read, opened, locked, and the versions that every change moves."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from kernel.audit import AuditEntry, record
from kernel.clock import Clock
from kernel.errors import NotFound
from kernel.ids import NIL, Environment, Kind, Tenant, new_id, to_text
from kernel.sealing import Vault
from kernel.sql import beside
from webhooks.endpoints.model import Caller, Endpoint, EndpointSettings, settings_context
from webhooks.events.model import Connection
from webhooks.states import EndpointState

_SQL = beside(__file__, "rows.sql")


@dataclass(frozen=True, slots=True)
class EndpointOwner:
    """Whose key seals what belongs to an endpoint: the merchant's, or without one the partner's."""

    partner_id: UUID
    merchant_id: UUID | None
    endpoint_id: UUID


async def lock_endpoint(connection: Connection, tenant: Tenant, endpoint_id: UUID) -> asyncpg.Record:
    """The row, locked until the transaction ends. Raises NotFound, also for a deleted one."""
    row = await connection.fetchrow(_SQL["lock_endpoint"], tenant.partner_id, tenant.environment, endpoint_id)
    if row is None:
        raise NotFound
    return row


async def move_version(connection: Connection, tenant: Tenant) -> None:
    """Make every matcher load the tenant's endpoints again; changes of one tenant wait for each other here."""
    await connection.execute(_SQL["move_version"], tenant.partner_id, tenant.environment)


async def audit(
    connection: Connection, clock: Clock, caller: Caller, action: str, *, endpoint_id: UUID, **detail: Any
) -> None:
    """Record an act on an endpoint in the transaction that does it."""
    await record(
        connection,
        AuditEntry(
            id=new_id(clock.now()),
            partner_id=caller.tenant.partner_id,
            actor=caller.actor,
            action=action,
            target=to_text(Kind.ENDPOINT, endpoint_id, caller.tenant.environment),
            request_id=caller.request_id,
            detail=detail,
        ),
    )


async def seal_settings(vault: Vault, owner: EndpointOwner, settings: EndpointSettings) -> bytes:
    """The sealed settings for the endpoint's row."""
    key = await vault.data_key(owner.partner_id, owner.merchant_id or NIL)
    return vault.seal(key, settings.to_bytes(), settings_context(owner.endpoint_id))


async def open_endpoints(vault: Vault, rows: list[asyncpg.Record]) -> list[Endpoint]:
    """The endpoints of rows with all columns."""
    opened = await vault.open_many(
        [(row["partner_id"], row["sealed_settings"], settings_context(row["id"])) for row in rows]
    )
    return [_endpoint(row, settings) for row, settings in zip(rows, opened, strict=True)]


def _endpoint(row: asyncpg.Record, settings: bytes) -> Endpoint:
    return Endpoint(
        tenant=Tenant(row["partner_id"], Environment(row["environment"])),
        id=row["id"],
        merchant_id=row["merchant_id"],
        settings=EndpointSettings.from_bytes(settings),
        event_types=tuple(row["event_types"]),
        ordered=row["ordered"],
        state=EndpointState(row["state"]),
        state_reason=row["state_reason"],
        concurrency=row["concurrency"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
