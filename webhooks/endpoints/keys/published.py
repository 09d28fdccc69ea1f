"""The public keys that anybody may read to verify v1a signatures and manifests: a JWK set per endpoint.

Each is an OKP key of Ed25519 (RFC 8037) whose `kid` is the key's id as partners see it.
"""

from base64 import urlsafe_b64encode
from uuid import UUID

import asyncpg

from kernel.errors import NotFound
from kernel.ids import Environment, Kind, Tenant, to_text
from webhooks.endpoints.keys.store import SQL


class PublishedKeys:
    """Reads JWK sets."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def key_set(self, tenant: Tenant, endpoint_id: UUID) -> dict[str, list[dict[str, str]]]:
        """A JWK set (RFC 7517 §5), the current key first and the one in its overlap after it. Raises NotFound."""
        found = await self._pool.fetch(SQL["public_keys"], tenant.partner_id, tenant.environment, endpoint_id)
        if not found:
            raise NotFound
        return {
            "keys": [
                jwk(row["id"], row["public_key"], tenant.environment) for row in found if row["public_key"] is not None
            ]
        }


def jwk(key_id: UUID, public_key: bytes, environment: Environment) -> dict[str, str]:
    """The public JWK of 32 bytes of Ed25519."""
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": urlsafe_b64encode(public_key).rstrip(b"=").decode(),
        "kid": to_text(Kind.SECRET, key_id, environment),
        "use": "sig",
        "alg": "EdDSA",
    }
