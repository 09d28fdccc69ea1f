"""OAuth clients as the token endpoint knows them: found before Authlib runs, because its core is synchronous."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Any
from uuid import UUID

import asyncpg
from authlib.oauth2.rfc6749 import ClientMixin

from gateway.oauth.clients.credentials import BindingCertificates, Credentials, Opened, open_rows
from gateway.oauth.clients.methods import Method
from gateway.oauth.clients.secrets import digest
from gateway.oauth.scopes import expand
from gateway.oauth.tokens.binding import TokenBinding
from kernel import sql
from kernel.errors import NotFound
from kernel.ids import NIL, Environment, Kind, Tenant, from_text, to_text
from kernel.masked import Secret
from kernel.sealing import Vault

_QUERIES = sql.beside(__file__, "records.sql")
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Client(ClientMixin):  # type: ignore[misc]  # Authlib is untyped
    """A client, and what Authlib asks of it. One that does not exist is one that no proof is of.

    `secret_digests` are those of its live secrets, each with its end, if it has one. Of `secret_digests` and
    `credentials` a client has what its method needs; nothing is left of it where its partner's data key was destroyed.
    `binding` are the certificates that its tokens may be bound to, if it names some. `networks` are where it may call
    from; none means anywhere. Its tokens carry `token_generation`, by which all that are out can be ended.
    """

    tenant: Tenant
    id: UUID
    method: Method
    scopes: tuple[str, ...]
    tier: str
    active: bool
    secret_digests: Sequence[tuple[bytes, datetime | None]] = ()
    credentials: Credentials | None = None
    networks: Sequence[IPv4Network | IPv6Network] = ()
    token_binding: TokenBinding = TokenBinding.NONE
    binding: BindingCertificates | None = None
    token_generation: int = 0

    def get_client_id(self) -> str:
        """The id as the client knows it."""
        return to_text(Kind.CLIENT, self.id, self.tenant.environment)

    def has_secret(self, secret: Secret, now: datetime) -> bool:
        """Whether it is a live secret of this client; compared in constant time."""
        known = digest(secret)
        found = [
            hmac.compare_digest(known, kept) and (ends_at is None or now < ends_at)
            for kept, ends_at in self.secret_digests
        ]
        return any(found)

    def check_grant_type(self, grant_type: str) -> bool:
        """Client credentials. Suspended clients were refused before (gateway.oauth.tokens.granting)."""
        return self.active and grant_type == "client_credentials"

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Those asked for, all of them or none; without a wish, all that the client has (RFC 6749 §3.3)."""
        wanted = (scope or "").split() or list(self.scopes)
        return " ".join(dict.fromkeys(wanted)) if set(wanted) <= expand(frozenset(self.scopes)) else None


class Clients:
    """Reads clients from PostgreSQL."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def find(self, client_id: str) -> Client:
        """The client, or one that nobody can be: so that unknown ids cost and answer what wrong secrets do."""
        environment, identifier = parsed_id(client_id) or (Environment.LIVE, NIL)
        row = await self._pool.fetchrow(_QUERIES["find_client"], identifier, environment)
        if row is None:
            return _nobody()
        (opened,) = await open_rows(self._vault, [row])
        return _client(row, opened)


def parsed_id(client_id: str) -> tuple[Environment, UUID] | None:
    """What a client's id says; None for what has not the form of one."""
    for environment in Environment:
        try:
            return environment, from_text(Kind.CLIENT, client_id, environment)
        except NotFound:
            continue
    return None


def _client(row: Any, opened: Opened) -> Client:
    digests = ((row["secret_digest"], None), (row["older_secret_digest"], row["older_secret_ends_at"]))
    return Client(
        tenant=Tenant(row["partner_id"], Environment(row["environment"])),
        id=row["id"],
        method=Method(row["authentication"]),
        scopes=tuple(row["scopes"]),
        tier=row["tier"],
        active=row["active"],
        secret_digests=tuple((kept, ends_at) for kept, ends_at in digests if kept is not None),
        credentials=opened.credentials,
        networks=row["networks"],
        token_binding=TokenBinding(row["token_binding"]),
        binding=opened.binding,
        token_generation=row["token_generation"],
    )


def _nobody() -> Client:
    return Client(
        tenant=Tenant(NIL, Environment.LIVE),
        id=NIL,
        method=Method.SECRET_BASIC,
        scopes=(),
        tier="standard",
        active=False,
        secret_digests=((secrets.token_bytes(_DIGEST_BYTES), None),),
    )
