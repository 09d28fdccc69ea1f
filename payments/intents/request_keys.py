"""Request keys: the same Idempotency-Key gives the same payment, whatever happened to the first answer.

The key's row is inserted by the statement that writes the payment (write.sql). So it is bound by the intent's commit
and by nothing else: a request that was refused leaves no key behind. A concurrent twin waits at the unique index until
the first one's transaction ends; then it finds the key, or is the first itself.
"""

from dataclasses import dataclass
from uuid import UUID

from kernel.errors import Conflict
from kernel.ids import Tenant
from kernel.sql import beside
from payments.tools import Connection, Pool

_SQL = beside(__file__, "request_keys.sql")
# The codes of first answers: with the bank's word, and before it came.
CREATED = 201
ACCEPTED_FOR_NOW = 202


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRequest:
    """A request's key and what it asked for, both digested."""

    tenant: Tenant
    key_digest: bytes
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a key is bound to: the payment, and the status code of the first answer."""

    payment_id: UUID
    status_code: int


async def find(connection: "Connection | Pool", request: KeyedRequest) -> Bound | None:
    """What the key is bound to, if it is.

    Raises Conflict `idempotency_key_reused` where the first request asked
    for something else.
    """
    tenant = request.tenant
    row = await connection.fetchrow(
        _SQL["find_request_key"], tenant.partner_id, tenant.environment.value, request.key_digest
    )
    if row is None:
        return None
    if row["fingerprint"] != request.fingerprint:
        raise Conflict(
            "this Idempotency-Key came with another request before",
            code="idempotency_key_reused",
            action="Use a new key for a new payment; send the first request unchanged to repeat it.",
        )
    return Bound(payment_id=row["resource_id"], status_code=row["status_code"])


async def remember_status_code(pool: Pool, request: KeyedRequest, status_code: int) -> None:
    """Keep the status code of the first answer, where it is another than the intent's own."""
    tenant = request.tenant
    await pool.execute(
        _SQL["update_status_code"], tenant.partner_id, tenant.environment.value, request.key_digest, status_code
    )
