"""Whose endpoint it is: known merchants, and room for one more."""

from collections.abc import Sequence
from uuid import UUID

from kernel.errors import Conflict, FieldError
from kernel.ids import Activity, Tenant
from kernel.sql import beside
from webhooks.endpoints.requests import EndpointRules
from webhooks.events.checks import MERCHANT_SENTENCES, SUSPENDED, UNKNOWN
from webhooks.events.model import Connection

_SQL = beside(__file__, "merchants.sql")


async def check_merchants(
    connection: Connection, tenant: Tenant, merchant_id: UUID | None, merchant_ids: Sequence[UUID]
) -> list[FieldError]:
    """One error for each merchant that is not the tenant's, or was erased."""
    named = [*merchant_ids, *([] if merchant_id is None else [merchant_id])]
    if not named:
        return []
    found = await connection.fetch(_SQL["known_merchants"], tenant.partner_id, tenant.environment, named)
    states = {row["id"]: row["state"] for row in found}
    places = [("/merchant_id", merchant_id)] if merchant_id is not None else []
    places += [(f"/merchant_ids/{number}", one) for number, one in enumerate(merchant_ids)]
    return [_refusal(pointer, one in states) for pointer, one in places if states.get(one) != Activity.ACTIVE]


def _refusal(pointer: str, is_known: bool) -> FieldError:  # noqa: FBT001 - it has no other
    code = SUSPENDED if is_known else UNKNOWN
    return FieldError(pointer=pointer, code=code, message=MERCHANT_SENTENCES[code])


async def check_room(connection: Connection, tenant: Tenant, merchant_id: UUID | None, rules: EndpointRules) -> None:
    """Raises Conflict if there is no room for one more. The moved version makes others wait, so the count holds."""
    row = await connection.fetchrow(_SQL["count_endpoints"], tenant.partner_id, tenant.environment, merchant_id)
    if row is not None and row["endpoints"] >= rules.endpoints_max:
        raise Conflict(f"There are {rules.endpoints_max} endpoints already.", code="endpoints_max")
    if row is not None and merchant_id is not None and row["of_merchant"] >= rules.merchant_endpoints_max:
        message = f"The merchant has {rules.merchant_endpoints_max} endpoints already."
        raise Conflict(message, code="merchant_endpoints_max")
