"""Endpoints as their owners manage them. Every change moves the versions and is audited in its own transaction."""

from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.errors import Conflict, FieldError, Invalid, NotFound
from kernel.ids import Tenant, new_id
from kernel.masked import Secret
from kernel.sealing import Vault
from kernel.sql import beside
from webhooks.endpoints.model import Caller, Endpoint, EndpointSettings
from webhooks.endpoints.requests import EndpointDraft, EndpointPatch, EndpointRules, check_draft, check_patch
from webhooks.endpoints.rows import EndpointOwner, audit, lock_endpoint, move_version, open_endpoints, seal_settings
from webhooks.endpoints.secrets import add_secret
from webhooks.events.model import Connection
from webhooks.reading.cursor import Position
from webhooks.sending.signing import new_secret

_SQL = beside(__file__, "service.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedEndpoint:
    """A new endpoint and the secret that its messages are signed with."""

    endpoint: Endpoint
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPage:
    """Endpoints, oldest first, and the cursor of the next page, None after the last."""

    endpoints: tuple[Endpoint, ...]
    next_cursor: str | None


class Endpoints:
    """Create, read, change and delete."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: Clock, rules: EndpointRules) -> None:
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._rules = rules

    async def create(self, caller: Caller, draft: EndpointDraft) -> CreatedEndpoint:
        """Commit a new endpoint; it hears of every event that is published after this returned.

        Raises Invalid with every wrong field, and Conflict (`endpoints_max`) when there are too many.
        """
        check_draft(draft, self._rules)
        endpoint_id, secret = new_id(self._clock.now()), draft.secret or new_secret()
        settings = EndpointSettings(
            url=draft.url, description=draft.description, metadata=draft.metadata, headers=draft.headers
        )
        owner = EndpointOwner(caller.tenant.partner_id, draft.merchant_id, endpoint_id)
        sealed = await seal_settings(self._vault, owner, settings)
        async with self._pool.acquire() as connection, connection.transaction():
            await move_version(connection, caller.tenant)
            await self._check_owner(connection, caller.tenant, draft.merchant_id)
            await _insert(connection, caller.tenant, endpoint_id, draft, sealed)
            await add_secret(connection, self._vault, owner, new_id(self._clock.now()), secret)
            await audit(connection, self._clock, caller, "endpoint.created", endpoint_id=endpoint_id)
        return CreatedEndpoint(endpoint=await self.get(caller.tenant, endpoint_id), secret=secret)

    async def get(self, tenant: Tenant, endpoint_id: UUID) -> Endpoint:
        """One endpoint. Raises NotFound, also for a deleted one."""
        rows = await self._pool.fetch(_SQL["get_endpoint"], tenant.partner_id, tenant.environment, endpoint_id)
        if not rows:
            raise NotFound
        return (await open_endpoints(self._vault, rows))[0]

    async def list(
        self, tenant: Tenant, *, merchant_id: UUID | None = None, cursor: str | None = None, limit: int = 100
    ) -> EndpointPage:
        """A page of endpoints: all of them, or one merchant's. Raises Invalid for a cursor that is not ours."""
        after = Position.from_text(cursor).id if cursor is not None else None
        rows = await self._pool.fetch(
            _SQL["list_endpoints"], tenant.partner_id, tenant.environment, merchant_id, after, limit + 1
        )
        shown = await open_endpoints(self._vault, rows[:limit])
        return EndpointPage(
            endpoints=tuple(shown),
            next_cursor=Position(id=shown[-1].id).to_text() if len(rows) > limit else None,
        )

    async def patch(self, caller: Caller, endpoint_id: UUID, patch: EndpointPatch) -> Endpoint:
        """Change what is given. Enabling starts no replay. Raises Invalid and NotFound."""
        check_patch(patch, self._rules)
        async with self._pool.acquire() as connection, connection.transaction():
            await move_version(connection, caller.tenant)
            row = await lock_endpoint(connection, caller.tenant, endpoint_id)
            before = (await open_endpoints(self._vault, [row]))[0]
            after = _patched(before, patch)
            owner = EndpointOwner(caller.tenant.partner_id, after.merchant_id, endpoint_id)
            await _update(connection, after, await seal_settings(self._vault, owner, after.settings))
            await audit(
                connection, self._clock, caller, "endpoint.changed", endpoint_id=endpoint_id, fields=patch.changed()
            )
        return await self.get(caller.tenant, endpoint_id)

    async def delete(self, caller: Caller, endpoint_id: UUID) -> None:
        """Stop it for good; its row stays for its deliveries. Raises NotFound."""
        async with self._pool.acquire() as connection, connection.transaction():
            await move_version(connection, caller.tenant)
            await lock_endpoint(connection, caller.tenant, endpoint_id)
            await connection.execute(_SQL["delete_endpoint"], caller.tenant.partner_id, endpoint_id)
            await audit(connection, self._clock, caller, "endpoint.deleted", endpoint_id=endpoint_id)

    async def _check_owner(self, connection: Connection, tenant: Tenant, merchant_id: UUID | None) -> None:
        """The merchant exists, and has room for one more; the moved version makes others wait, so the count holds."""
        row = await connection.fetchrow(_SQL["count_endpoints"], tenant.partner_id, tenant.environment, merchant_id)
        if row is None or not row["is_known"]:
            message = "must be a merchant of yours in this environment"
            raise Invalid([FieldError(pointer="/merchant_id", code="merchant_unknown", message=message)])
        if row["endpoints"] >= self._rules.endpoints_max:
            raise Conflict(f"There are {self._rules.endpoints_max} endpoints already.", code="endpoints_max")


async def _insert(
    connection: Connection, tenant: Tenant, endpoint_id: UUID, draft: EndpointDraft, sealed: bytes
) -> None:
    await connection.execute(
        _SQL["insert_endpoint"],
        tenant.partner_id,
        endpoint_id,
        tenant.environment,
        draft.merchant_id,
        sealed,
        list(draft.event_types),
        draft.ordered,
        draft.concurrency,
    )


async def _update(connection: Connection, endpoint: Endpoint, sealed: bytes) -> None:
    await connection.execute(
        _SQL["update_endpoint"],
        endpoint.tenant.partner_id,
        endpoint.id,
        sealed,
        list(endpoint.event_types),
        endpoint.ordered,
        endpoint.concurrency,
        endpoint.state,
        endpoint.state_reason,
    )


def _patched(endpoint: Endpoint, patch: EndpointPatch) -> Endpoint:
    """The endpoint with what the patch gives; a new state's reason is that its owner wanted it."""
    given = {name: getattr(patch, name) for name in patch.changed()}
    of_settings = {name: given.pop(name) for name in ("url", "description", "metadata", "headers") if name in given}
    if given.get("state", endpoint.state) is not endpoint.state:
        given["state_reason"] = None if given["state"] == "enabled" else "owner"
    return replace(endpoint, settings=replace(endpoint.settings, **of_settings), **given)
