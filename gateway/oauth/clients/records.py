"""OAuth clients: found before Authlib runs, because its core is synchronous."""

import hmac
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from authlib.oauth2.rfc6749 import ClientMixin

from gateway.oauth.clients.secrets import digest
from gateway.oauth.scopes import expand
from kernel import sql
from kernel.errors import NotFound
from kernel.ids import NIL, Environment, Kind, Tenant, from_text, to_text
from kernel.masked import Secret

_QUERIES = sql.beside(__file__, "records.sql")
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Client(ClientMixin):  # type: ignore[misc]  # Authlib is untyped
    """What Authlib asks of a client. A client that does not exist is one whose digest no secret meets."""

    tenant: Tenant
    id: UUID
    secret_digest: bytes
    scopes: tuple[str, ...]
    tier: str
    active: bool

    def get_client_id(self) -> str:
        """The id as the client knows it."""
        return to_text(Kind.CLIENT, self.id, self.tenant.environment)

    def check_client_secret(self, client_secret: str) -> bool:
        """Compared in constant time."""
        return hmac.compare_digest(digest(Secret(client_secret)), self.secret_digest)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """HTTP Basic at the token endpoint."""
        return method == "client_secret_basic" and endpoint == "token"

    def check_grant_type(self, grant_type: str) -> bool:
        """Client credentials, unless the client or its partner is suspended."""
        return self.active and grant_type == "client_credentials"

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Those asked for, all of them or none; without a wish, all that the client has (RFC 6749 §3.3)."""
        wanted = (scope or "").split() or list(self.scopes)
        return " ".join(dict.fromkeys(wanted)) if set(wanted) <= expand(frozenset(self.scopes)) else None


class Clients:
    """Reads clients from PostgreSQL."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def find(self, client_id: str) -> Client:
        """The client, or one that nobody can be: so that unknown ids cost and answer what wrong secrets do."""
        environment, identifier = _parse(client_id)
        row = await self._pool.fetchrow(_QUERIES["find_client"], identifier, environment)
        return _client(row) if row is not None else _nobody()


def _parse(client_id: str) -> tuple[Environment, UUID]:
    for environment in Environment:
        try:
            return environment, from_text(Kind.CLIENT, client_id, environment)
        except NotFound:
            continue
    return Environment.LIVE, NIL


def _client(row: Any) -> Client:
    return Client(
        tenant=Tenant(row["partner_id"], Environment(row["environment"])),
        id=row["id"],
        secret_digest=row["secret_digest"],
        scopes=tuple(row["scopes"]),
        tier=row["tier"],
        active=row["active"],
    )


def _nobody() -> Client:
    return Client(
        tenant=Tenant(NIL, Environment.LIVE),
        id=NIL,
        secret_digest=secrets.token_bytes(_DIGEST_BYTES),
        scopes=(),
        tier="standard",
        active=False,
    )
