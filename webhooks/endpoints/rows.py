"""Rows of endpoints: read, opened, sealed, locked, and the versions that every change moves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from kernel.audit import record
from kernel.clock import Clock
from kernel.errors import NotFound
from kernel.ids import NIL, Environment, Kind, Tenant, to_text
from kernel.sealing import Vault
from kernel.sql import beside
from webhooks.endpoints.model import (
    Caller,
    Endpoint,
    EndpointSettings,
    Hearing,
    Pace,
    Rate,
    SealedCertificate,
    Standing,
    filter_context,
    settings_context,
)
from webhooks.events.model import Connection
from webhooks.states import EndpointState, PayloadForm, SignatureScheme

_SQL = beside(__file__, "rows.sql")
# PostgreSQL's real keeps this many decimal digits.
_REAL_DIGITS = 6


@dataclass(frozen=True, slots=True)
class EndpointOwner:
    """Whose key seals what belongs to an endpoint: the merchant's, or without one the partner's."""

    partner_id: UUID
    merchant_id: UUID | None
    endpoint_id: UUID


async def fetch_endpoint(
    source: "Connection | asyncpg.Pool[asyncpg.Record]", tenant: Tenant, endpoint_id: UUID
) -> asyncpg.Record:
    """The row. Raises NotFound, also for a deleted one."""
    row = await source.fetchrow(_SQL["get_endpoint"], tenant.partner_id, tenant.environment, endpoint_id)
    return _found(row)


async def fetch_endpoints(
    pool: "asyncpg.Pool[asyncpg.Record]",
    tenant: Tenant,
    merchant_id: UUID | None = None,
    after: UUID | None = None,
    limit: int | None = None,
) -> list[asyncpg.Record]:
    """Rows, oldest first: of one merchant or of all, after an id, at most `limit` or all."""
    return await pool.fetch(_SQL["list_endpoints"], tenant.partner_id, tenant.environment, merchant_id, after, limit)


async def lock_endpoint(connection: Connection, tenant: Tenant, endpoint_id: UUID) -> asyncpg.Record:
    """The row, locked until the transaction ends. Raises NotFound, also for a deleted one."""
    row = await connection.fetchrow(_SQL["lock_endpoint"], tenant.partner_id, tenant.environment, endpoint_id)
    return _found(row)


async def insert_endpoint(connection: Connection, vault: Vault, endpoint: Endpoint) -> None:
    """A new row; version and times are the database's."""
    await connection.execute(_SQL["insert_endpoint"], *await _columns(vault, endpoint))


async def update_endpoint(connection: Connection, vault: Vault, endpoint: Endpoint) -> None:
    """Write all that its owner may change, and move its version."""
    await connection.execute(_SQL["update_endpoint"], *await _columns(vault, endpoint))


async def move_version(connection: Connection, tenant: Tenant) -> None:
    """Make every matcher load the tenant's endpoints again; changes of one tenant wait for each other here."""
    await connection.execute(_SQL["move_version"], tenant.partner_id, tenant.environment)


async def move_endpoint(connection: Connection, tenant: Tenant, endpoint_id: UUID) -> None:
    """Make whatever was decided for the endpoint as it was before void."""
    await connection.execute(_SQL["move_endpoint"], tenant.partner_id, endpoint_id)


async def audit(
    connection: Connection, clock: Clock, caller: Caller, action: str, *, endpoint_id: UUID, **detail: Any
) -> None:
    """Record an act on an endpoint in the transaction that does it."""
    target = to_text(Kind.ENDPOINT, endpoint_id, caller.tenant.environment)
    await record(connection, caller.entry(clock.now(), action, target, **detail))


async def open_endpoints(vault: Vault, rows: Sequence[asyncpg.Record]) -> list[Endpoint]:
    """The endpoints of rows with all columns."""
    filtered = [row for row in rows if row["sealed_filter"] is not None]
    opened = await vault.open_many(
        [(row["partner_id"], row["sealed_settings"], settings_context(row["id"])) for row in rows]
        + [(row["partner_id"], row["sealed_filter"], filter_context(row["id"])) for row in filtered]
    )
    filters = {row["id"]: text.decode() for row, text in zip(filtered, opened[len(rows) :], strict=True)}
    return [
        _endpoint(row, settings, filters.get(row["id"]))
        for row, settings in zip(rows, opened[: len(rows)], strict=True)
    ]


def _found(row: asyncpg.Record | None) -> asyncpg.Record:
    if row is None:
        raise NotFound
    return row


async def _columns(vault: Vault, endpoint: Endpoint) -> tuple[Any, ...]:
    """The values of both writing queries, in their order."""
    key = await vault.data_key(endpoint.tenant.partner_id, endpoint.merchant_id or NIL)
    hearing, pace, standing, certificate = (
        endpoint.hearing,
        endpoint.pace,
        endpoint.standing,
        endpoint.client_certificate,
    )
    sealed_filter = hearing.filter and vault.seal(key, hearing.filter.encode(), filter_context(endpoint.id))
    return (
        endpoint.tenant.partner_id,
        endpoint.id,
        endpoint.tenant.environment,
        endpoint.merchant_id,
        vault.seal(key, endpoint.settings.to_bytes(), settings_context(endpoint.id)),
        sealed_filter,
        list(hearing.event_types),
        list(hearing.merchant_ids),
        hearing.payload,
        [scheme.value for scheme in endpoint.signatures],
        pace.ordered,
        pace.concurrency,
        pace.weight,
        pace.rate and pace.rate.per_second,
        pace.rate and pace.rate.burst,
        pace.schedule_seconds and list(pace.schedule_seconds),
        standing.state,
        standing.state_reason,
        standing.disabled_at,
        standing.is_challenged,
        standing.proven_at,
        certificate and certificate.sealed,
        certificate and certificate.expires_at,
    )


def _endpoint(row: asyncpg.Record, settings: bytes, filter_text: str | None) -> Endpoint:
    return Endpoint(
        tenant=Tenant(row["partner_id"], Environment(row["environment"])),
        id=row["id"],
        merchant_id=row["merchant_id"],
        settings=EndpointSettings.from_bytes(settings),
        hearing=_hearing(row, filter_text),
        pace=_pace(row),
        standing=_standing(row),
        signatures=tuple(SignatureScheme(name) for name in row["signatures"]),
        client_certificate=_certificate(row),
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _hearing(row: asyncpg.Record, filter_text: str | None) -> Hearing:
    return Hearing(
        event_types=tuple(row["event_types"]),
        merchant_ids=tuple(row["merchant_ids"]),
        filter=filter_text,
        payload=PayloadForm(row["payload"]),
    )


def _pace(row: asyncpg.Record) -> Pace:
    per_second, schedule = row["rate_per_second"], row["schedule_seconds"]
    return Pace(
        ordered=row["ordered"],
        concurrency=row["concurrency"],
        weight=row["weight"],
        rate=None
        if per_second is None
        else Rate(per_second=float(f"{per_second:.{_REAL_DIGITS}g}"), burst=row["rate_burst"]),
        schedule_seconds=None if schedule is None else tuple(schedule),
    )


def _standing(row: asyncpg.Record) -> Standing:
    return Standing(
        state=EndpointState(row["state"]),
        state_reason=row["state_reason"],
        disabled_at=row["disabled_at"],
        paused_at=row["paused_at"],
        held_at=row["held_at"],
        is_challenged=row["is_challenged"],
        proven_at=row["proven_at"],
    )


def _certificate(row: asyncpg.Record) -> SealedCertificate | None:
    if row["sealed_client_certificate"] is None:
        return None
    return SealedCertificate(sealed=row["sealed_client_certificate"], expires_at=row["client_certificate_expires_at"])
