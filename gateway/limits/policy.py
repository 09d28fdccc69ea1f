"""Which buckets a request takes from: settings as values, and the choice as a pure function."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.limits.gcra import Bucket


class LimitClass(StrEnum):
    """What a route is to the limits; its value names the bucket in the headers."""

    READS = "reads"
    MONEY = "money"
    EVENTS = "events"
    MANAGEMENT = "management"
    TOKEN = "token"  # noqa: S105 - a class of routes
    UNLIMITED = "unlimited"  # Health, documents, and banks' notifications: never refused.


# Refused while Redis is away, unless the settings say otherwise: these calls move money or change where it is told.
STRICT = frozenset({LimitClass.MONEY})


def _classes() -> dict[LimitClass, Bucket]:
    return {
        LimitClass.READS: Bucket(capacity=200, rate_per_second=100),
        LimitClass.MONEY: Bucket(capacity=100, rate_per_second=50),
        LimitClass.EVENTS: Bucket(capacity=10_000, rate_per_second=5_000),
        LimitClass.MANAGEMENT: Bucket(capacity=50, rate_per_second=10),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """The buckets of each client of a partner's tier: one over all its calls, one per class of routes."""

    client: Bucket = field(default_factory=lambda: Bucket(capacity=20_000, rate_per_second=10_000))
    classes: Mapping[LimitClass, Bucket] = field(default_factory=_classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPolicy:
    """Every number of the limits. `local_share` is one process' part while Redis is away."""

    tiers: Mapping[str, Tier] = field(default_factory=lambda: {"standard": Tier()})
    token_by_address: Bucket = field(default_factory=lambda: Bucket(capacity=60, rate_per_second=2))
    local_share: float = 0.25
    money_without_redis: bool = False
    wait_max_seconds: float = 0.04
    probe_interval_seconds: float = 0.25

    def tier(self, name: str) -> Tier:
        """The tier of that name, or the standard one."""
        return self.tiers.get(name) or self.tiers["standard"]


@dataclass(frozen=True, slots=True)
class Named:
    """A bucket, its name in the headers, and whose it is."""

    name: str
    key: str
    bucket: Bucket


def buckets_of(policy: LimitPolicy, limit: LimitClass, owner: str, tier: str = "standard") -> tuple[Named, ...]:
    """The buckets that a request of `owner` (a client, or an address) takes from; none for unlimited routes."""
    if limit is LimitClass.UNLIMITED:
        return ()
    if limit is LimitClass.TOKEN:
        return (Named("token", f"token:{owner}", policy.token_by_address),)
    limits = policy.tier(tier)
    return (
        Named("client", f"client:{owner}", limits.client),
        Named(limit.value, f"{limit.value}:{owner}", limits.classes[limit]),
    )
