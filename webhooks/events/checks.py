"""Everything that can refuse a partner's event is asked before there is a transaction: fields, merchants, schemas."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import asyncpg

from kernel.errors import FieldError, Invalid
from kernel.ids import Activity, Tenant
from kernel.sql import beside
from webhooks.catalogue.memory import Catalogue, Typing
from webhooks.events.requests import EventRequest, PublishPolicy, check, refuse
from webhooks.turns import in_turns

_SQL = beside(__file__, "checks.sql")
_MERCHANTS_MAX = 100_000
UNKNOWN = "merchant_unknown"
SUSPENDED = "suspended"
MERCHANT_SENTENCES = {
    UNKNOWN: "must be a merchant of yours in this environment",
    SUSPENDED: "this merchant is suspended: its data were erased",
}


class Merchants:
    """Which merchants may be told of. Only those that may are remembered, each under a version of the catalogue.

    Erasing a merchant moves that version, and an event that was checked under an older one is not written: so none is
    written for a merchant whose erasure was answered. The version must have been learnt before a merchant is asked for.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._known: dict[tuple[Tenant, UUID], int] = {}

    def knows(self, tenant: Tenant, merchant_id: UUID, version: int) -> bool:
        """Whether it is remembered as the tenant's, and not erased under this version."""
        return self._known.get((tenant, merchant_id)) == version

    async def refused(self, tenant: Tenant, ids: Collection[UUID], version: int) -> dict[UUID, str]:
        """The code of the error of each that is no merchant of the tenant or was erased."""
        missing = [merchant_id for merchant_id in ids if not self.knows(tenant, merchant_id, version)]
        if not missing:
            return {}
        rows = await self._pool.fetch(_SQL["find_merchants"], tenant.partner_id, tenant.environment, missing)
        found = {row["id"]: row["state"] for row in rows}
        active = {merchant_id for merchant_id, state in found.items() if state == Activity.ACTIVE}
        self._remember(((tenant, merchant_id) for merchant_id in active), version)
        return {one: SUSPENDED if one in found else UNKNOWN for one in missing if one not in active}

    def _remember(self, merchants: Iterable[tuple[Tenant, UUID]], version: int) -> None:
        for merchant in merchants:
            if len(self._known) >= _MERCHANTS_MAX and merchant not in self._known:
                del self._known[next(iter(self._known))]
            self._known[merchant] = version


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
        checked = await self._check_each(tenant, requests)
        if any(isinstance(found, Invalid) for found in checked) and await self._catalogue.has_moved(tenant):
            checked = await self._check_each(tenant, requests)
        return checked

    def check_known(self, tenant: Tenant, request: EventRequest) -> Typing | None:
        """The same from memory alone, for a request in which nothing is wrong; None where something is, or may be."""
        version = self._catalogue.version(tenant)
        if version is None or not self._may_be_told(tenant, request.merchant_id, version):
            return None
        if check(request, self._policy):
            return None
        typing = self._catalogue.check(tenant, request.type, request.type_version, request.data)
        return typing if isinstance(typing, Typing) else None

    def forget(self, tenant: Tenant) -> None:
        """Learn the tenant's types of events and its merchants again."""
        self._catalogue.forget(tenant)

    def _may_be_told(self, tenant: Tenant, merchant_id: UUID | None, version: int) -> bool:
        return merchant_id is None or self._merchants.knows(tenant, merchant_id, version)

    async def _check_each(self, tenant: Tenant, requests: Sequence[EventRequest]) -> list[Typing | Invalid]:
        named = {request.merchant_id for request in requests if request.merchant_id is not None}
        version = await self._catalogue.learn(tenant)
        refused = await self._merchants.refused(tenant, named, version)
        checked = [self._check(tenant, request, refused) async for request in in_turns(requests)]
        # Types that were learnt anew meanwhile say nothing about merchants: under the old version the write refuses.
        return [replace(found, catalogue_version=version) if isinstance(found, Typing) else found for found in checked]

    def _check(self, tenant: Tenant, request: EventRequest, refused: Mapping[UUID, str]) -> Typing | Invalid:
        errors = check(request, self._policy)
        if request.merchant_id is not None and (code := refused.get(request.merchant_id)):
            errors.append(FieldError(pointer="/merchant_id", code=code, message=MERCHANT_SENTENCES[code]))
        if any(error.pointer in ("/type", "/data") for error in errors):
            return refuse(errors)
        typing = self._catalogue.check(tenant, request.type, request.type_version, request.data)
        if isinstance(typing, Typing):
            return refuse(errors) if errors else typing
        return refuse([*errors, *typing])
