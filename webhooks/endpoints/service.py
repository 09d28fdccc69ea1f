"""What owners do with their endpoints. Every change moves the tenant's endpoints_version in its own transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.errors import FieldError
from kernel.ids import NIL, Tenant, new_id
from kernel.masked import Secret
from kernel.sealing import Vault
from kernel.sql import beside
from webhooks.endpoints import changing, rows
from webhooks.endpoints.checks.certificates import ClientCertificate
from webhooks.endpoints.checks.headers import check_headers_together
from webhooks.endpoints.checks.merchants import check_merchants, check_room
from webhooks.endpoints.checks.request import check_draft, check_patch, merchants_of_merchant, raise_wrong
from webhooks.endpoints.keys.store import add_key, new_key
from webhooks.endpoints.model import (
    Caller,
    Endpoint,
    SealedCertificate,
    client_certificate_context,
)
from webhooks.endpoints.requests import EndpointDraft, EndpointPatch, EndpointRules
from webhooks.endpoints.telling import LaneTeller
from webhooks.events.model import Connection
from webhooks.reading.cursor import Position
from webhooks.states import EndpointState, SignatureScheme

_SQL = beside(__file__, "service.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedEndpoint:
    """A new endpoint, the v1 secret that its messages are signed with, and the public half of its v1a key."""

    endpoint: Endpoint
    secret: Secret
    public_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPage:
    """Endpoints, oldest first, and the cursor of the next page, None after the last."""

    endpoints: tuple[Endpoint, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedEndpoint:
    """An endpoint after a change. `missed_since`: it was just enabled, and heard of nothing since then."""

    endpoint: Endpoint
    missed_since: datetime | None = None


class Endpoints:
    """Create, read, change, pause and delete."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        vault: Vault,
        clock: Clock,
        rules: EndpointRules,
        lanes: LaneTeller | None = None,
    ) -> None:
        """Without `lanes` the queue is told of changes by the reconciler alone."""
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._rules = rules
        self._lanes = lanes

    async def create(self, caller: Caller, draft: EndpointDraft) -> CreatedEndpoint:
        """Commit a new endpoint; it hears of every event that is published after this returned.

        Raises Invalid with every wrong field, and Conflict (`endpoints_max`, `merchant_endpoints_max`) when there are
        too many.
        """
        certificate = await check_draft(draft, self._rules, self._clock.now())
        now = self._clock.now()
        v1, v1a = new_key(SignatureScheme.V1, now, draft.secret), new_key(SignatureScheme.V1A, now)
        endpoint = await self._drafted(caller.tenant, draft, certificate)
        async with self._pool.acquire() as connection, connection.transaction():
            await rows.move_version(connection, caller.tenant)
            raise_wrong(await check_merchants(connection, caller.tenant, draft.merchant_id, draft.merchant_ids))
            await check_room(connection, caller.tenant, draft.merchant_id, self._rules)
            await rows.insert_endpoint(connection, self._vault, endpoint)
            for key in (v1, v1a):
                await add_key(connection, self._vault, _owner(endpoint), key)
            await rows.audit(connection, self._clock, caller, "endpoint.created", endpoint_id=endpoint.id)
        made = await self._told(caller.tenant, endpoint.id)
        return CreatedEndpoint(endpoint=made, secret=v1.secret, public_key=v1a.public_key or b"")

    async def get(self, tenant: Tenant, endpoint_id: UUID) -> Endpoint:
        """One endpoint. Raises NotFound, also for a deleted one."""
        row = await rows.fetch_endpoint(self._pool, tenant, endpoint_id)
        return (await rows.open_endpoints(self._vault, [row]))[0]

    async def list(
        self, tenant: Tenant, *, merchant_id: UUID | None = None, cursor: str | None = None, limit: int = 100
    ) -> EndpointPage:
        """A page of endpoints: all of them, or one merchant's. Raises Invalid for a cursor that is not ours."""
        after = Position.from_text(cursor).id if cursor is not None else None
        found = await rows.fetch_endpoints(self._pool, tenant, merchant_id, after, limit + 1)
        shown = await rows.open_endpoints(self._vault, found[:limit])
        return EndpointPage(
            endpoints=tuple(shown),
            next_cursor=Position(id=shown[-1].id).to_text() if len(found) > limit else None,
        )

    async def patch(self, caller: Caller, endpoint_id: UUID, patch: EndpointPatch) -> ChangedEndpoint:
        """Change what is given. Enabling starts no replay. Raises Invalid and NotFound."""
        certificate = await check_patch(patch, self._rules, self._clock.now())
        async with self._pool.acquire() as connection, connection.transaction():
            await rows.move_version(connection, caller.tenant)
            row = await rows.lock_endpoint(connection, caller.tenant, endpoint_id)
            before = (await rows.open_endpoints(self._vault, [row]))[0]
            raise_wrong(await _wrong_there(connection, before, patch.given()))
            after = changing.patched(before, patch.given(), self._clock.now())
            if "client_certificate" in patch.given():
                after = await self._certified(after, certificate)
            await rows.update_endpoint(connection, self._vault, after)
            if changing.is_fresh_start(before, after):
                await connection.execute(_SQL["forget_trouble"], caller.tenant.partner_id, endpoint_id)
            detail = {"fields": list(patch.given())} | ({} if after.state is before.state else {"state": after.state})
            await rows.audit(connection, self._clock, caller, "endpoint.changed", endpoint_id=endpoint_id, **detail)
        is_enabled = before.state is EndpointState.DISABLED and after.state is EndpointState.ENABLED
        return ChangedEndpoint(
            endpoint=await self._told(caller.tenant, endpoint_id),
            missed_since=before.standing.disabled_at if is_enabled else None,
        )

    async def pause(self, caller: Caller, endpoint_id: UUID) -> Endpoint:
        """Send nothing until it is resumed; what is matched waits. Pausing again changes nothing. Raises NotFound."""
        return await self._turn(caller, endpoint_id, "endpoint.paused", _SQL["pause_endpoint"], self._clock.now())

    async def resume(self, caller: Caller, endpoint_id: UUID) -> Endpoint:
        """Send what waits, and what comes. Resuming again changes nothing. Raises NotFound."""
        return await self._turn(caller, endpoint_id, "endpoint.resumed", _SQL["resume_endpoint"])

    async def delete(self, caller: Caller, endpoint_id: UUID) -> None:
        """Stop it for good; its row stays for its deliveries. Raises NotFound."""
        async with self._pool.acquire() as connection, connection.transaction():
            await rows.move_version(connection, caller.tenant)
            await rows.lock_endpoint(connection, caller.tenant, endpoint_id)
            await connection.execute(_SQL["delete_endpoint"], caller.tenant.partner_id, endpoint_id)
            await rows.audit(connection, self._clock, caller, "endpoint.deleted", endpoint_id=endpoint_id)

    async def _turn(
        self, caller: Caller, endpoint_id: UUID, action: str, statement: str, *arguments: object
    ) -> Endpoint:
        """Pause or resume: recorded only where it changes something."""
        async with self._pool.acquire() as connection, connection.transaction():
            await rows.lock_endpoint(connection, caller.tenant, endpoint_id)
            if await connection.fetchval(statement, caller.tenant.partner_id, endpoint_id, *arguments):
                await rows.audit(connection, self._clock, caller, action, endpoint_id=endpoint_id)
        return await self._told(caller.tenant, endpoint_id)

    async def _told(self, tenant: Tenant, endpoint_id: UUID) -> Endpoint:
        """The endpoint as it is now; the queue is told of its lane."""
        endpoint = await self.get(tenant, endpoint_id)
        if self._lanes is not None:
            await self._lanes.tell(endpoint)
        return endpoint

    async def _drafted(self, tenant: Tenant, draft: EndpointDraft, certificate: ClientCertificate | None) -> Endpoint:
        now = self._clock.now()
        endpoint = Endpoint(
            tenant=tenant,
            id=new_id(now),
            merchant_id=draft.merchant_id,
            settings=changing.drafted_settings(draft),
            hearing=changing.drafted_hearing(draft),
            pace=changing.drafted_pace(draft),
            standing=changing.drafted_standing(draft),
            signatures=tuple(draft.signatures),
            client_certificate=None,
            version=1,
            created_at=now,
            updated_at=now,
        )
        return await self._certified(endpoint, certificate)

    async def _certified(self, endpoint: Endpoint, certificate: ClientCertificate | None) -> Endpoint:
        """The endpoint with this client certificate, or with none."""
        if certificate is None:
            settings = replace(endpoint.settings, client_certificate_sha256=None)
            return replace(endpoint, settings=settings, client_certificate=None)
        key = await self._vault.data_key(endpoint.tenant.partner_id, endpoint.merchant_id or NIL)
        context = client_certificate_context(endpoint.id)
        sealed = self._vault.seal(key, certificate.pem.reveal().encode(), context)
        settings = replace(endpoint.settings, client_certificate_sha256=certificate.sha256)
        kept = SealedCertificate(sealed=sealed, expires_at=certificate.expires_at)
        return replace(endpoint, settings=settings, client_certificate=kept)


async def _wrong_there(connection: Connection, before: Endpoint, given: Mapping[str, Any]) -> list[FieldError]:
    """What is wrong with a patch of this very endpoint."""
    errors = check_headers_together(*changing.parted_headers(before.settings, given))
    merchant_ids = given.get("merchant_ids", ())
    if before.merchant_id is not None and merchant_ids:
        return [*errors, merchants_of_merchant()]
    return errors + await check_merchants(connection, before.tenant, None, merchant_ids)


def _owner(endpoint: Endpoint) -> rows.EndpointOwner:
    return rows.EndpointOwner(endpoint.tenant.partner_id, endpoint.merchant_id, endpoint.id)
