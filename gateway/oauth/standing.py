"""Who is suspended, and what is left to tokens that are out (gateway/oauth/access/in_force.py keeps it fresh)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from uuid import UUID

import asyncpg

from gateway.oauth.scopes import Caller, expand
from kernel import sql

_QUERIES = sql.beside(__file__, "standing.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """The merchants that a client may act for and the networks that it may call from; empty means all.

    No token allows more than `scopes`, with what they imply, and tokens of a generation before this one have ended.
    """

    merchants: frozenset[UUID]
    networks: Sequence[IPv4Network | IPv6Network]
    scopes: frozenset[str]
    token_generation: int


class Standing:
    """Suspended partners and clients, and all clients' limits. Without PostgreSQL, what was known stays in force."""

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
            self._limits[row["id"]] = _limits(row)
        return self._suspended != before or bool(changed)

    def suspended(self, caller: Caller) -> bool:
        """Whether the caller's partner or client is."""
        return caller.client_id in self._suspended or caller.tenant.partner_id in self._suspended

    def limits_of(self, client_id: UUID) -> ClientLimits | None:
        """What the client is limited to; None for one that was made so lately that it is not known yet."""
        return self._limits.get(client_id)


def _limits(row: "asyncpg.Record") -> ClientLimits:
    return ClientLimits(
        merchants=frozenset(row["merchant_ids"]),
        networks=row["networks"],
        scopes=_expanded(tuple(row["scopes"])),
        token_generation=row["token_generation"],
    )


@lru_cache(maxsize=1024)
def _expanded(scopes: tuple[str, ...]) -> frozenset[str]:
    """One set for all clients of the same scopes: every client's is kept."""
    return expand(frozenset(scopes))
