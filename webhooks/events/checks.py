"""Everything that can refuse a partner's event is asked before there is a transaction: fields, merchants, schemas."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

import asyncpg

from kernel.errors import FieldError, Invalid
from kernel.ids import Tenant
from kernel.sql import beside
from webhooks.catalogue.memory import Catalogue, Typing
from webhooks.events.requests import EventRequest, PublishPolicy, check, refuse
from webhooks.turns import in_turns

_SQL = beside(__file__, "checks.sql")
_MERCHANTS_MAX = 100_000


class Merchants:
    """Which merchants there are. Only those that exist are remembered: a merchant never goes away."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._known: dict[tuple[Tenant, UUID], None] = {}

    def knows(self, tenant: Tenant, merchant_id: UUID) -> bool:
        """Whether it is remembered as the tenant's."""
        return (tenant, merchant_id) in self._known

    async def unknown(self, tenant: Tenant, ids: Collection[UUID]) -> set[UUID]:
        """Those of the ids that name no merchant of the tenant."""
        missing = {merchant_id for merchant_id in ids if (tenant, merchant_id) not in self._known}
        if not missing:
            return set()
        rows = await self._pool.fetch(_SQL["find_merchants"], tenant.partner_id, tenant.environment, list(missing))
        found = {row["id"] for row in rows}
        self._remember((tenant, merchant_id) for merchant_id in found)
        return missing - found

    def _remember(self, merchants: Iterable[tuple[Tenant, UUID]]) -> None:
        for merchant in merchants:
            if len(self._known) >= _MERCHANTS_MAX:
                del self._known[next(iter(self._known))]
            self._known[merchant] = None


class Checks:
    """What is asked of every event that a partner publishes."""

    def __init__(self, merchants: Merchants, catalogue: Catalogue, policy: PublishPolicy | None = None) -> None:
        self._merchants = merchants
        self._catalogue = catalogue
        self._policy = policy or PublishPolicy()

    def check_count(self, requests: Sequence[EventRequest]) -> None:
        """Raises Invalid for none or too many."""
        if not 1 <= len(requests) <= self._policy.events_max:
            message = f"must hold 1 to {self._policy.events_max} events"
            raise Invalid([FieldError(pointer="/events", code="count", message=message)])

    async def check(self, tenant: Tenant, requests: Sequence[EventRequest]) -> list[Typing | Invalid]:
        """What the catalogue found about each request, or all that is wrong with it; in order."""
        named = {request.merchant_id for request in requests if request.merchant_id is not None}
        unknown = await self._merchants.unknown(tenant, named)
        checked = await self._check_each(tenant, requests, unknown)
        if any(isinstance(found, Invalid) for found in checked) and await self._catalogue.has_moved(tenant):
            checked = await self._check_each(tenant, requests, unknown)
        return checked

    def check_known(self, tenant: Tenant, request: EventRequest) -> Typing | None:
        """The same from memory alone, for a request in which nothing is wrong; None where something is, or may be."""
        if request.merchant_id is not None and not self._merchants.knows(tenant, request.merchant_id):
            return None
        if not self._catalogue.knows(tenant) or check(request, self._policy):
            return None
        typing = self._catalogue.check(tenant, request.type, request.type_version, request.data)
        return typing if isinstance(typing, Typing) else None

    def forget(self, tenant: Tenant) -> None:
        """Learn the tenant's types of events again."""
        self._catalogue.forget(tenant)

    async def _check_each(
        self, tenant: Tenant, requests: Sequence[EventRequest], unknown: Collection[UUID]
    ) -> list[Typing | Invalid]:
        await self._catalogue.learn(tenant)
        return [self._check(tenant, request, unknown) async for request in in_turns(requests)]

    def _check(self, tenant: Tenant, request: EventRequest, unknown: Collection[UUID]) -> Typing | Invalid:
        errors = check(request, self._policy)
        if request.merchant_id in unknown:
            message = "must be a merchant of yours in this environment"
            errors.append(FieldError(pointer="/merchant_id", code="merchant_unknown", message=message))
        if any(error.pointer in ("/type", "/data") for error in errors):
            return refuse(errors)
        typing = self._catalogue.check(tenant, request.type, request.type_version, request.data)
        if isinstance(typing, Typing):
            return refuse(errors) if errors else typing
        return refuse([*errors, *typing])
