"""Whose endpoint it is: known merchants, and room for one more."""

from collections.abc import Sequence
from uuid import UUID

from kernel.errors import Conflict, FieldError
from kernel.ids import Tenant
from kernel.sql import beside
from webhooks.endpoints.requests import EndpointRules
from webhooks.events.model import Connection

_SQL = beside(__file__, "merchants.sql")
_MESSAGE = "must be a merchant of yours in this environment"


async def check_merchants(
    connection: Connection, tenant: Tenant, merchant_id: UUID | None, merchant_ids: Sequence[UUID]
) -> list[FieldError]:
    """One error for each merchant that is not the tenant's."""
    named = [*merchant_ids, *([] if merchant_id is None else [merchant_id])]
    if not named:
        return []
    found = await connection.fetch(_SQL["known_merchants"], tenant.partner_id, tenant.environment, named)
    known = {row["id"] for row in found}
    pointers = ["/merchant_id"] if merchant_id is not None and merchant_id not in known else []
    pointers += [f"/merchant_ids/{number}" for number, one in enumerate(merchant_ids) if one not in known]
    return [FieldError(pointer=pointer, code="merchant_unknown", message=_MESSAGE) for pointer in pointers]


async def check_room(connection: Connection, tenant: Tenant, merchant_id: UUID | None, rules: EndpointRules) -> None:
    """Raises Conflict if there is no room for one more. The moved version makes others wait, so the count holds."""
    row = await connection.fetchrow(_SQL["count_endpoints"], tenant.partner_id, tenant.environment, merchant_id)
    if row is not None and row["endpoints"] >= rules.endpoints_max:
        raise Conflict(f"There are {rules.endpoints_max} endpoints already.", code="endpoints_max")
    if row is not None and merchant_id is not None and row["of_merchant"] >= rules.merchant_endpoints_max:
        message = f"The merchant has {rules.merchant_endpoints_max} endpoints already."
        raise Conflict(message, code="merchant_endpoints_max")
