"""Which endpoints hear of an event. Endpoints are remembered per tenant, and the memory is checked at every write.

`environments.endpoints_version` moves with every change of an endpoint, in the change's own transaction. A write reads
it in its own transaction and loads the endpoints again if it moved, so an endpoint whose creation was answered is never
missed, by whatever process.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

import asyncpg

from kernel.ids import Environment, Tenant
from kernel.sql import beside
from webhooks.endpoints.patterns import TypeFilter
from webhooks.events.model import Connection, NewEvent

_SQL = beside(__file__, "matching.sql")
_TENANTS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An enabled endpoint, as far as matching needs it."""

    endpoint_id: UUID
    merchant_id: UUID | None
    ordered: bool
    types: TypeFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantTargets:
    """All enabled endpoints of a tenant as of one version."""

    version: int
    by_merchant: Mapping[UUID | None, tuple[Target, ...]]

    def of(self, event: NewEvent) -> list[Target]:
        """Those that hear of the event: the partner's own for all merchants, and the merchant's."""
        if event.endpoint_id is not None:
            return [target for target in self._all() if target.endpoint_id == event.endpoint_id]
        owners = {None, event.merchant_id}
        return [
            target for owner in owners for target in self.by_merchant.get(owner, ()) if target.types.matches(event.type)
        ]

    def _all(self) -> list[Target]:
        return [target for targets in self.by_merchant.values() for target in targets]


_NOBODY = TenantTargets(version=-1, by_merchant={})


class Matcher:
    """Remembers the endpoints of tenants. One per process."""

    def __init__(self) -> None:
        self._known: dict[Tenant, TenantTargets] = {}

    async def current(self, connection: Connection, tenants: Collection[Tenant]) -> dict[Tenant, TenantTargets]:
        """The endpoints of the tenants as this transaction sees them: one query, and one more if any moved."""
        versions = await self._versions(connection, tenants)
        moved = [tenant for tenant, version in versions.items() if self._version(tenant) != version]
        if moved:
            self._remember(await _load(connection, moved))
        return {tenant: self._known.get(tenant, _NOBODY) if tenant in versions else _NOBODY for tenant in tenants}

    async def _versions(self, connection: Connection, tenants: Collection[Tenant]) -> dict[Tenant, int]:
        rows = await connection.fetch(_SQL["endpoints_versions"], *_columns(tenants))
        return {_tenant(row): row["endpoints_version"] for row in rows}

    def _version(self, tenant: Tenant) -> int:
        return self._known.get(tenant, _NOBODY).version

    def _remember(self, loaded: Mapping[Tenant, TenantTargets]) -> None:
        for tenant, targets in loaded.items():
            self._known.pop(tenant, None)
            self._known[tenant] = targets
        while len(self._known) > _TENANTS_MAX and len(self._known) > len(loaded):
            del self._known[next(iter(self._known))]


async def _load(connection: Connection, tenants: Collection[Tenant]) -> dict[Tenant, TenantTargets]:
    rows = await connection.fetch(_SQL["endpoints_of_tenants"], *_columns(tenants))
    return {tenant: _targets(list(group)) for tenant, group in groupby(rows, key=_tenant)}


def _targets(rows: Sequence[asyncpg.Record]) -> TenantTargets:
    by_merchant: dict[UUID | None, tuple[Target, ...]] = {}
    for row in rows:
        if row["id"] is not None:
            target = Target(
                endpoint_id=row["id"],
                merchant_id=row["merchant_id"],
                ordered=row["ordered"],
                types=TypeFilter.of(row["event_types"]),
            )
            by_merchant[target.merchant_id] = (*by_merchant.get(target.merchant_id, ()), target)
    return TenantTargets(version=rows[0]["endpoints_version"], by_merchant=by_merchant)


def _columns(tenants: Collection[Tenant]) -> tuple[list[UUID], list[str]]:
    return [tenant.partner_id for tenant in tenants], [tenant.environment.value for tenant in tenants]


def _tenant(row: asyncpg.Record) -> Tenant:
    return Tenant(row["partner_id"], Environment(row["environment"]))
