"""What a client that is limited to merchants reaches: their resources, and nothing else of its partner.

One rule for every route, so that no handler can forget it: each resource that a request names must be of one of the
client's merchants; a request that names none must name a merchant (`Call.sent_id` holds that it is one of them), or its
route says that it is open to such clients too. Everything else is refused. What is out of reach is not told from what
does not exist.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg

from gateway.http.call import Call
from gateway.http.route import Route
from kernel import sql
from kernel.errors import Forbidden, NotFound, Refused
from kernel.ids import Kind

_QUERIES = sql.beside(__file__, "reach.sql")
# The parameters that name resources, in paths and in query strings.
_RESOURCES = {
    "payment_id": (Kind.PAYMENT, "merchant_of_payment"),
    "event_id": (Kind.EVENT, "merchant_of_event"),
    "delivery_id": (Kind.DELIVERY, "merchant_of_delivery"),
    "endpoint_id": (Kind.ENDPOINT, "merchant_of_endpoint"),
}


class MerchantReach:
    """See the module."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def check(self, route: Route[Any], call: Call) -> None:
        """Nothing for a client without limits.

        Raises NotFound for what its path names and it does not reach, Invalid for the same in its query, Forbidden for
        a route that is not open to it.
        """
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

    async def _is_reached(self, call: Call, query: str, identifier: UUID) -> bool:
        tenant = call.caller.tenant
        merchant = await self._pool.fetchval(_QUERIES[query], tenant.partner_id, tenant.environment, identifier)
        return merchant in call.caller.merchants


def is_closed(route: Route[Any]) -> bool:
    """Whether a client that is limited to merchants is refused here, unless its query names a resource of theirs."""
    names_resource = any(f"{{{name}}}" in route.path for name in _RESOURCES)
    return not (names_resource or route.for_limited or _names_merchant(route))


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
