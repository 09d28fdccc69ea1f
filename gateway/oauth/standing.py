"""Who is suspended, and what clients are limited to (gateway/oauth/access/in_force.py keeps it fresh)."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from uuid import UUID

import asyncpg

from gateway.oauth.scopes import Caller
from kernel import sql

_QUERIES = sql.beside(__file__, "standing.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """The merchants that a client may act for and the networks that it may call from; empty means all."""

    merchants: frozenset[UUID]
    networks: Sequence[IPv4Network | IPv6Network]


class Standing:
    """Suspended partners and clients, and clients' limits. While PostgreSQL is away what was known stays in force."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._suspended: frozenset[UUID] = frozenset()
        self._limits: dict[UUID, ClientLimits] = {}
        self._version = 0

    async def refresh(self) -> bool:
        """Read the set now; whether it is another one."""
        rows = await self._pool.fetch(_QUERIES["list_suspended"], timeout=5)
        before, self._suspended = self._suspended, frozenset(row["id"] for row in rows)
        changed = await self._pool.fetch(_QUERIES["list_changed_clients"], self._version, timeout=5)
        for row in changed:
            self._version = max(self._version, row["version"])
            self._limit(row["id"], ClientLimits(merchants=frozenset(row["merchant_ids"]), networks=row["networks"]))
        return self._suspended != before or bool(changed)

    def suspended(self, caller: Caller) -> bool:
        """Whether the caller's partner or client is."""
        return caller.client_id in self._suspended or caller.tenant.partner_id in self._suspended

    def limits_of(self, client_id: UUID) -> ClientLimits | None:
        """What the client is limited to; None for most, who are not."""
        return self._limits.get(client_id)

    def _limit(self, client_id: UUID, limits: ClientLimits) -> None:
        if limits.merchants or limits.networks:
            self._limits[client_id] = limits
        else:
            self._limits.pop(client_id, None)
