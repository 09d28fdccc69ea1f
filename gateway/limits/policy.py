"""Which buckets a request takes from: settings as values, and the choice as a pure function."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv6Address, ip_network

from gateway.limits.gcra import Bucket


class LimitClass(StrEnum):
    """What a route, or a refusal, is to the limits; its value names the bucket in the headers."""

    READS = "reads"
    MONEY = "money"
    EVENTS = "events"
    MANAGEMENT = "management"
    ADMIN = "admin"  # Each admin token's calls.
    TOKEN = "token"  # noqa: S105 - a class of routes: each address's calls to the token endpoint and its like
    REFUSED = "refused"  # Each address's requests whose credentials were not accepted.
    UNLIMITED = "unlimited"  # Health, documents, and banks' notifications: never refused.


# The classes whose buckets each client has; the others belong to an address or an admin token.
CLIENT_CLASSES = (LimitClass.READS, LimitClass.MONEY, LimitClass.EVENTS, LimitClass.MANAGEMENT)
# Refused while Redis is away, unless the settings say otherwise: these calls move money.
STRICT = frozenset({LimitClass.MONEY})
PARTNER, CLIENT = "partner", "client"
# The names of a tier's buckets: all calls of a partner's environment, all calls of a client, and a client's by class.
BUCKET_NAMES = (PARTNER, CLIENT, *(each.value for each in CLIENT_CLASSES))
CONCURRENCY = "concurrency"
STANDARD = "standard"
# Whoever holds an IPv6 network holds all of its addresses (RFC 6177: a site gets a /64 at least).
_IPV6_SITE_BITS = 64


def _buckets() -> dict[str, Bucket]:
    return {
        PARTNER: Bucket(capacity=40_000, rate_per_second=20_000),
        CLIENT: Bucket(capacity=20_000, rate_per_second=10_000),
        LimitClass.READS.value: Bucket(capacity=200, rate_per_second=100),
        LimitClass.MONEY.value: Bucket(capacity=100, rate_per_second=50),
        LimitClass.EVENTS.value: Bucket(capacity=10_000, rate_per_second=5_000),
        LimitClass.MANAGEMENT.value: Bucket(capacity=50, rate_per_second=10),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """The limits of a partner of this tier: a bucket for each of BUCKET_NAMES, and each client's requests in flight."""

    buckets: Mapping[str, Bucket] = field(default_factory=_buckets)
    concurrency: int = 1_000

    def with_own(self, own: "Own") -> "Tier":
        """The tier where nothing else was agreed."""
        concurrency = own.concurrency if own.concurrency is not None else self.concurrency
        return Tier(buckets={**self.buckets, **own.buckets}, concurrency=concurrency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What was agreed with one partner, or set for one client, in place of its tier's limits of the same names."""

    buckets: Mapping[str, Bucket] = field(default_factory=dict)
    concurrency: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPolicy:
    """Every number of the limits. `local_share` is one process' part while Redis is away."""

    tiers: Mapping[str, Tier] = field(default_factory=lambda: {STANDARD: Tier()})
    token_by_address: Bucket = field(default_factory=lambda: Bucket(capacity=60, rate_per_second=2))
    refused_by_address: Bucket = field(default_factory=lambda: Bucket(capacity=60, rate_per_second=1))
    admin: Bucket = field(default_factory=lambda: Bucket(capacity=200, rate_per_second=50))
    local_share: float = 0.25
    money_without_redis: bool = False
    wait_max_seconds: float = 0.04
    probe_interval_seconds: float = 0.25
    lease_seconds: float = 5.0

    def tier(self, name: str) -> Tier:
        """The tier of that name, or the standard one."""
        return self.tiers.get(name) or self.tiers[STANDARD]

    def with_tiers(self, tiers: Mapping[str, Tier]) -> "LimitPolicy":
        """The policy with these tiers beside its own, or in their place."""
        return replace(self, tiers={**self.tiers, **tiers})


@dataclass(frozen=True, slots=True)
class Named:
    """A bucket, its name in the headers, and whose it is."""

    name: str
    key: str
    bucket: Bucket


def client_buckets(tier: Tier, limit: LimitClass, partner: str, client: str) -> tuple[Named, ...]:
    """What a request of a client takes from: its partner's, its own over all calls, its own of the route's class."""
    return (
        Named(PARTNER, f"{PARTNER}:{partner}", tier.buckets[PARTNER]),
        Named(CLIENT, f"{CLIENT}:{client}", tier.buckets[CLIENT]),
        Named(limit.value, f"{limit.value}:{client}", tier.buckets[limit.value]),
    )


def other_buckets(policy: LimitPolicy, limit: LimitClass, owner: str) -> tuple[Named, ...]:
    """The one bucket of an admin token, or of an address that is nobody's yet."""
    bucket = {
        LimitClass.ADMIN: policy.admin,
        LimitClass.TOKEN: policy.token_by_address,
        LimitClass.REFUSED: policy.refused_by_address,
    }[limit]
    return (Named(limit.value, f"{limit.value}:{owner}", bucket),)


def address_owner(address: str) -> str:
    """Whom an address stands for: itself, or its IPv6 network, all of which one caller may use."""
    if ":" not in address:
        return address
    return str(ip_network((int(IPv6Address(address)), _IPV6_SITE_BITS), strict=False))
