"""What a token allows, and who holds it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from uuid import UUID

from kernel.ids import Tenant


class Scope(StrEnum):
    """One per resource and verb."""

    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    ACCOUNTS_READ = "accounts:read"
    ACCOUNTS_WRITE = "accounts:write"
    EVENTS_READ = "events:read"
    EVENTS_WRITE = "events:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_MANAGE = "webhooks:manage"


# A scope that allows more also allows the less.
IMPLIED: dict[str, Scope] = {
    Scope.PAYMENTS_WRITE: Scope.PAYMENTS_READ,
    Scope.ACCOUNTS_WRITE: Scope.ACCOUNTS_READ,
    Scope.EVENTS_WRITE: Scope.EVENTS_READ,
    Scope.WEBHOOKS_MANAGE: Scope.WEBHOOKS_READ,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One OAuth client of a partner in one environment, as its verified token says.

    `merchants` are those that it may act for, `networks` where it may call from; empty means all.
    """

    tenant: Tenant
    client_id: UUID
    scopes: frozenset[str]
    tier: str = "standard"
    owner: str = ""
    merchants: frozenset[UUID] = frozenset()
    networks: Sequence[IPv4Network | IPv6Network] = ()

    def may(self, scope: Scope) -> bool:
        """Whether the token allows it."""
        return scope in self.scopes


def expand(scopes: frozenset[str]) -> frozenset[str]:
    """The scopes with what they imply."""
    return scopes | {IMPLIED[scope] for scope in scopes if scope in IMPLIED}
