"""What a call reaches: of its partner and environment, and by a client that is limited to merchants only theirs.

An endpoint or a merchant by which a list is narrowed must exist, else an empty list would read as "nothing is missing".

For limited clients there is one rule for every route, so that no handler can forget it: each resource that a request
names must be of one of the client's merchants; a request that names none must name a merchant (`Call.sent_id` holds
that it is one of them), or its route says that it is open to such clients too. Everything else is refused. What is out
of reach is not told from what does not exist.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg

from gateway.http.call import Call
from gateway.http.route import Route
from kernel import sql
from kernel.errors import FieldError, Forbidden, Invalid, NotFound, Refused
from kernel.ids import Kind, Tenant, from_text

_QUERIES = sql.beside(__file__, "reach.sql")
# The parameters that name resources, in paths and in query strings.
_RESOURCES = {
    "payment_id": (Kind.PAYMENT, "merchant_of_payment"),
    "consent_id": (Kind.CONSENT, "merchant_of_consent"),
    "account_id": (Kind.ACCOUNT, "merchant_of_account"),
    "event_id": (Kind.EVENT, "merchant_of_event"),
    "delivery_id": (Kind.DELIVERY, "merchant_of_delivery"),
    "endpoint_id": (Kind.ENDPOINT, "merchant_of_endpoint"),
}
# The parameters of query strings that must name something that exists; none of it is ever removed.
_FILTERS = {"endpoint_id": (Kind.ENDPOINT, "has_endpoint"), "merchant_id": (Kind.MERCHANT, "has_merchant")}


class MerchantReach:
    """See the module."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def check(self, route: Route[Any], call: Call) -> None:
        """Raises Invalid for an endpoint or a merchant in the query that does not exist for the caller.

        For a client with limits also NotFound for what its path names and it does not reach, Invalid for the same in
        its query, Forbidden for a route that is not open to it.
        """
        await self.check_filters(call, call.caller.tenant)
        if not call.caller.merchants:
            return
        named = list(_named(route, call))
        for query, identifier, refusal in named:
            if not await self._is_reached(call, query, identifier):
                raise refusal
        if is_closed(route) and not named:
            raise Forbidden(
                "This client acts for some merchants only; this is not about them.", code="client_limited_to_merchants"
            )

    async def check_filters(self, call: Call, tenant: Tenant) -> None:
        """Raises Invalid with every endpoint and merchant in the query that this tenant has not.

        What is no id at all is left to the handler, which names it beside all else that is wrong.
        """
        errors: list[FieldError] = []
        for name, (kind, query) in _FILTERS.items():
            identifier = _maybe(kind, getattr(call.query, name, None), tenant)
            row = (tenant.partner_id, tenant.environment, identifier)
            if identifier is not None and not await self._pool.fetchval(_QUERIES[query], *row):
                errors += call.unknown(kind, f"/{name}").errors
        if errors:
            raise Invalid(errors)

    async def has_partner(self, partner_id: UUID) -> bool:
        """Whether there is such a partner."""
        return bool(await self._pool.fetchval(_QUERIES["has_partner"], partner_id))

    async def _is_reached(self, call: Call, query: str, identifier: UUID) -> bool:
        tenant = call.caller.tenant
        merchant = await self._pool.fetchval(_QUERIES[query], tenant.partner_id, tenant.environment, identifier)
        return merchant in call.caller.merchants


def _maybe(kind: Kind, text: str | None, tenant: Tenant) -> UUID | None:
    try:
        return None if text is None else from_text(kind, text, tenant.environment)
    except NotFound:
        return None


def is_closed(route: Route[Any]) -> bool:
    """Whether a client that is limited to merchants is refused here, unless its query names a resource of theirs."""
    if route.for_limited is not None:
        return not route.for_limited
    names_resource = any(f"{{{name}}}" in route.path for name in _RESOURCES)
    return not (names_resource or _names_merchant(route))


def _named(route: Route[Any], call: Call) -> Iterator[tuple[str, UUID, Refused]]:
    """For each resource that the request names: the query that tells whose it is, its id, the refusal."""
    for name, (kind, query) in _RESOURCES.items():
        if f"{{{name}}}" in route.path:
            yield query, call.path_id(name, kind), NotFound()
        text = getattr(call.query, name, None)
        if text is not None:
            pointer = f"/{name}"
            yield query, call.sent_id(text, kind, pointer), call.unknown(kind, pointer)


def _names_merchant(route: Route[Any]) -> bool:
    """Whether its body or its query has a member for one, which its handler then asks for."""
    return any(model is not None and "merchant_id" in model.model_fields for model in (route.request, route.query))
