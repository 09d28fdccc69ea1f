"""Request keys: the same Idempotency-Key gives the same consent. They share one space with those of payments."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from accounts.model import ConsentRequest
from accounts.tools import Connection, Pool
from kernel.errors import Conflict
from kernel.ids import Tenant
from kernel.sql import beside

_SQL = beside(__file__, "keys.sql")
# The code of a first answer that was given before the bank's word came.
ACCEPTED_FOR_NOW = 202
CREATED = 201


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """A request's key and what it asked for, both digested."""

    tenant: Tenant
    key_digest: bytes
    fingerprint: bytes


def fingerprint(request: ConsentRequest) -> bytes:
    """SHA-256 over the parsed request, so that spaces and the order of fields in its JSON do not matter."""
    payer = request.payer
    plain = {
        "consent": True,
        "merchant_id": request.merchant_id.hex,
        "bank_id": request.bank_id,
        "valid_until": request.valid_until.timestamp(),
        "return_url": request.return_url.reveal(),
        "ip_address": payer.ip_address.reveal() if payer.ip_address else None,
        "user_agent": payer.user_agent.reveal() if payer.user_agent else None,
    }
    return hashlib.sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).digest()


async def bind(connection: Connection, keyed: Keyed, consent_id: UUID, now: datetime) -> UUID | None:
    """Bind the key in the caller's transaction, or return the consent that it is bound to already.

    A concurrent twin waits at the unique index until the first one's transaction ends. Raises as `find`.
    """
    tenant = keyed.tenant
    inserted = await connection.fetchval(
        _SQL["insert_consent_key"],
        tenant.partner_id,
        tenant.environment.value,
        keyed.key_digest,
        keyed.fingerprint,
        consent_id,
        ACCEPTED_FOR_NOW,
        now,
    )
    if inserted:
        return None
    return await find(connection, keyed)


async def find(connection: "Connection | Pool", keyed: Keyed) -> UUID | None:
    """The consent that the key is bound to, if it is. Raises Conflict `idempotency_key_reused`."""
    tenant = keyed.tenant
    row = await connection.fetchrow(
        _SQL["find_consent_key"], tenant.partner_id, tenant.environment.value, keyed.key_digest
    )
    if row is None:
        return None
    if row["fingerprint"] != keyed.fingerprint:
        raise Conflict(
            "this Idempotency-Key came with another request before",
            code="idempotency_key_reused",
            action="Use a new key for a new consent; send the first request unchanged to repeat it.",
        )
    bound: UUID = row["resource_id"]
    return bound
