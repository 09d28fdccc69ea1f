"""The endpoints of tenants, remembered, and the memory checked at every write.

`environments.endpoints_version` moves with every change of an endpoint, in the change's own transaction. A write reads
it in its own transaction and loads the endpoints again if it moved, so an endpoint whose creation was answered is never
missed, by whatever process.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Self
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import CollectorRegistry, Counter

from kernel.ids import Environment, Tenant
from kernel.sealing import SealError, Vault
from kernel.sql import beside
from webhooks.endpoints.model import filter_context
from webhooks.endpoints.patterns import TypeFilter
from webhooks.events.model import Connection, SealedEvent
from webhooks.events.targets import NOBODY, Target, TenantTargets, by_owner
from webhooks.filters.expression import Filter, compile_filter
from webhooks.turns import in_turns

_SQL = beside(__file__, "matching.sql")
_TENANTS_MAX = 10_000
# What stands in for a filter that nobody can read any more: its endpoint hears nothing but test events.
_DEAF = compile_filter("`false`")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class MatcherMetrics:
    """`unusable` counts the loads of filters that did not open or compile."""

    unusable: Counter

    @classmethod
    def registered(cls, registry: CollectorRegistry | None) -> Self:
        """The metrics, shown by the registry if there is one."""
        name, text = "threadneedle_webhook_filters_unusable", "Filters that did not open; their endpoints hear nothing."
        return cls(unusable=Counter(name, text, registry=registry))


class Matcher:
    """Remembers the endpoints of tenants. One per process."""

    def __init__(self, vault: Vault, metrics: MatcherMetrics | None = None) -> None:
        self._vault = vault
        self._metrics = metrics or MatcherMetrics.registered(None)
        self._known: dict[Tenant, TenantTargets] = {}

    async def foresee(self, prepared: Sequence[SealedEvent]) -> None:
        """Evaluate, before there is a transaction, the filters of the endpoints that are known now."""
        tenants = {item.event.tenant for item in prepared}
        filtering = {tenant: known for tenant in tenants if (known := self._of(tenant)).filters}
        if not filtering:
            return
        async for item in in_turns(prepared):
            if item.event.tenant in filtering:
                filtering[item.event.tenant].of(item.event, item.answers)

    def foresee_one(self, prepared: SealedEvent) -> None:
        """The same for one event."""
        known = self._of(prepared.event.tenant)
        if known.filters:
            known.of(prepared.event, prepared.answers)

    def remembered(self, tenants: Collection[Tenant]) -> dict[Tenant, TenantTargets]:
        """The endpoints as they were last read; their versions say whether they still hold."""
        return {tenant: self._of(tenant) for tenant in tenants}

    async def current(self, connection: Connection, tenants: Collection[Tenant]) -> dict[Tenant, TenantTargets]:
        """The endpoints of the tenants as this transaction sees them: one query, and one more if any moved."""
        versions = {_tenant(row): row for row in await connection.fetch(_SQL["versions"], *_columns(tenants))}
        moved = [tenant for tenant, row in versions.items() if self._of(tenant).version != row["endpoints_version"]]
        if moved:
            self._remember(await self._load(connection, moved))
        return {tenant: self._as_of(tenant, versions.get(tenant)) for tenant in tenants}

    def _of(self, tenant: Tenant) -> TenantTargets:
        return self._known.get(tenant, NOBODY)

    def _as_of(self, tenant: Tenant, row: asyncpg.Record | None) -> TenantTargets:
        if row is None:
            return NOBODY
        known = self._of(tenant)
        if known.catalogue_version != row["catalogue_version"]:
            known = self._known[tenant] = replace(known, catalogue_version=row["catalogue_version"])
        return known

    def _remember(self, loaded: Mapping[Tenant, TenantTargets]) -> None:
        for tenant, targets in loaded.items():
            self._known.pop(tenant, None)
            self._known[tenant] = targets
        while len(self._known) > _TENANTS_MAX and len(self._known) > len(loaded):
            del self._known[next(iter(self._known))]

    async def _load(self, connection: Connection, tenants: Collection[Tenant]) -> dict[Tenant, TenantTargets]:
        rows = await connection.fetch(_SQL["endpoints_of_tenants"], *_columns(tenants))
        filters = await self._filters([row for row in rows if row["sealed_filter"] is not None])
        return {tenant: _targets(list(group), filters) for tenant, group in groupby(rows, key=_tenant)}

    async def _filters(self, rows: Sequence[asyncpg.Record]) -> dict[bytes, Filter]:
        """The compiled filter of each sealed one; those of the version before are taken over."""
        filters = {}
        for row in rows:
            before = self._of(_tenant(row)).filters.get(row["sealed_filter"], _DEAF)
            if before is not _DEAF:
                filters[row["sealed_filter"]] = before
        fresh = [row for row in rows if row["sealed_filter"] not in filters]
        opened = await self._vault.open_each(
            [(row["partner_id"], row["sealed_filter"], filter_context(row["id"])) for row in fresh]
        )
        for row, text in zip(fresh, opened, strict=True):
            filters[row["sealed_filter"]] = self._compiled(row["id"], text)
        return filters

    def _compiled(self, endpoint_id: UUID, text: bytes | SealError) -> Filter:
        try:
            if isinstance(text, SealError):
                raise text
            return compile_filter(text.decode())
        except (SealError, ValueError) as error:
            self._metrics.unusable.inc()
            _log.error("filter.unusable", endpoint_id=str(endpoint_id), error=type(error).__name__)
            return _DEAF


def _targets(rows: Sequence[asyncpg.Record], filters: Mapping[bytes, Filter]) -> TenantTargets:
    held = {row["sealed_filter"] for row in rows}
    return TenantTargets(
        version=rows[0]["endpoints_version"],
        catalogue_version=rows[0]["catalogue_version"],
        by_merchant=by_owner(_target(row, filters) for row in rows if row["id"] is not None),
        filters={sealed: compiled for sealed, compiled in filters.items() if sealed in held},
    )


def _target(row: asyncpg.Record, filters: Mapping[bytes, Filter]) -> Target:
    return Target(
        endpoint_id=row["id"],
        merchant_id=row["merchant_id"],
        ordered=row["ordered"],
        types=TypeFilter.of(row["event_types"]),
        merchant_ids=frozenset(row["merchant_ids"]),
        filter=None if row["sealed_filter"] is None else filters[row["sealed_filter"]],
    )


def _columns(tenants: Collection[Tenant]) -> tuple[list[UUID], list[str]]:
    return [tenant.partner_id for tenant in tenants], [tenant.environment.value for tenant in tenants]


def _tenant(row: asyncpg.Record) -> Tenant:
    return Tenant(row["partner_id"], Environment(row["environment"]))
