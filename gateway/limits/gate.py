"""Admits a request or refuses it: the table "Redis gone" of the design, in code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from gateway.limits.coalescer import Coalescer
from gateway.limits.headers import limit_field, policy_field, retry_after_seconds, tightest
from gateway.limits.policy import STRICT, LimitClass, LimitPolicy, Named, buckets_of
from gateway.limits.storage import Demand, MemoryBuckets, TokenBucketSupport, Verdict
from gateway.problems.errors import RateLimited

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Admission:
    """An admitted request. `repeats_only`: its limit cannot be kept now, so only what is known already is answered."""

    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    repeats_only: bool = False


@dataclass(frozen=True, slots=True)
class Weight:
    """What a request asks of the limits: whose it is, what class and cost it has."""

    limit: LimitClass
    owner: str
    tier: str = "standard"
    cost: int = 1


class Gate:
    """Buckets in Redis shared by all processes; this process' own, at a share, while Redis is away."""

    def __init__(self, storage: TokenBucketSupport, policy: LimitPolicy, monotonic: Callable[[], float]) -> None:
        self._policy = policy
        self._shared = Coalescer(storage, policy)
        self._local = MemoryBuckets(monotonic)
        self._fields: dict[tuple[LimitClass, str], str] = {}

    @property
    def redis_available(self) -> bool:
        """Whether the shared buckets are in use."""
        return self._shared.available

    async def start(self) -> None:
        """Connect."""
        await self._shared.start()

    async def close(self) -> None:
        """Stop."""
        await self._shared.close()

    async def admit(self, weight: Weight) -> Admission:
        """Raises RateLimited where a bucket is empty."""
        buckets = buckets_of(self._policy, weight.limit, weight.owner, weight.tier)
        if not buckets:
            return Admission()
        verdict = await self._shared.take(_demand(buckets, weight.cost))
        if verdict is not None:
            return Admission(self._judge(weight, buckets, verdict))
        verdict = self._local.take(_demand(self._shares(buckets), weight.cost))
        # One slow answer is judged by the local share; only a Redis that is away closes what moves money.
        away = not self._shared.available
        strict = away and weight.limit in STRICT and not self._policy.money_without_redis
        return Admission(self._judge(weight, buckets, verdict), repeats_only=strict)

    def _judge(self, weight: Weight, buckets: tuple[Named, ...], verdict: Verdict) -> Mapping[str, str]:
        headers = {
            "RateLimit-Policy": self._policy_field(weight, buckets),
            "RateLimit": limit_field(buckets, verdict.levels),
        }
        if verdict.allowed:
            return headers
        named, level = tightest(buckets, verdict.levels)
        raise RateLimited(
            f"The limit named {named.name} is reached.",
            retry_after_seconds=retry_after_seconds(level),
            headers=headers,
        )

    def _policy_field(self, weight: Weight, buckets: tuple[Named, ...]) -> str:
        known = self._fields.get((weight.limit, weight.tier))
        if known is None:
            known = self._fields[weight.limit, weight.tier] = policy_field(buckets)
        return known

    def _shares(self, buckets: tuple[Named, ...]) -> tuple[Named, ...]:
        share = self._policy.local_share
        return tuple(Named(named.name, named.key, named.bucket.share(share)) for named in buckets)


def _demand(buckets: tuple[Named, ...], cost: int) -> Demand:
    return Demand(buckets=tuple((named.key, named.bucket) for named in buckets), cost=cost)
