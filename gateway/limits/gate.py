"""Admits a request or refuses it: the table "Redis gone" of the design, in code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol

from gateway.limits.coalescer import Coalescer
from gateway.limits.flight.leases import Leases
from gateway.limits.flight.places import Place, Places
from gateway.limits.headers import limit_field, retry_after_seconds, tightest, violated
from gateway.limits.plan import Plan, Plans
from gateway.limits.policy import CONCURRENCY, STRICT, LimitClass, LimitPolicy, address_owner
from gateway.limits.storage import Demand, MemoryBuckets, TokenBucketSupport, Verdict
from gateway.oauth.scopes import Caller
from gateway.problems.errors import ExceedsLimit, RateLimited

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Admission:
    """An admitted request.

    `repeats_only`: its limit cannot be kept now, so only what is known already is answered. `place` is the one that it
    holds among its client's requests in flight.
    """

    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    repeats_only: bool = False
    place: Place | None = None

    def leave(self) -> None:
        """The request is answered; to be called once for every admission."""
        if self.place is not None:
            self.place.leave()


class Book(Protocol):
    """Where the limits stand that are in force (gateway/limits/live/book.py)."""

    @property
    def plans(self) -> Plans:
        """For the present state of the limits."""
        ...


class Gate:
    """Buckets and places in Redis shared by all processes; this process' own, at a share, while Redis is away."""

    def __init__(
        self,
        storage: TokenBucketSupport,
        leases: Leases,
        book: Book,
        policy: LimitPolicy,
        monotonic: Callable[[], float],
    ) -> None:
        self._policy = policy
        self._book = book
        self._shared = Coalescer(storage, policy)
        self._places = Places(leases, policy, lambda: self._shared.available)
        self._local = MemoryBuckets(monotonic)

    @property
    def redis_available(self) -> bool:
        """Whether the shared buckets are in use."""
        return self._shared.available

    async def start(self) -> None:
        """Connect."""
        await self._shared.start()
        await self._places.start()

    async def close(self) -> None:
        """Stop."""
        await self._places.close()
        await self._shared.close()

    async def admit(self, caller: Caller, limit: LimitClass, cost: int = 1) -> Admission:
        """A client's request on a route of this class.

        Raises RateLimited where a bucket is empty, or where as many of its requests are in flight as may be, and
        ExceedsLimit where a bucket never holds as much as it costs.
        """
        plan = self._book.plans.of_client(caller, limit)
        place = await self._places.enter(caller.owner, plan.concurrency)
        if place is None:
            raise _too_many(plan)
        try:
            headers = await self._take(plan, cost)
        except BaseException:
            place.leave()
            raise
        # One slow answer is judged by the local share; only a Redis that is away closes what moves money.
        closed = limit in STRICT and not self._shared.available and not self._policy.money_without_redis
        return Admission(headers, closed, place)

    async def admit_admin(self, name: str) -> Admission:
        """An admin's request. Raises RateLimited."""
        return Admission(await self._take(self._book.plans.of_other(LimitClass.ADMIN, name)))

    async def admit_address(self, limit: LimitClass, address: str) -> Admission:
        """A request that is nobody's yet, by the address that it came from. Raises RateLimited."""
        return Admission(await self._take(self._book.plans.of_other(limit, address_owner(address))))

    async def _take(self, plan: Plan, cost: int = 1) -> Mapping[str, str]:
        demand = _costing(plan.demand, cost)
        verdict = await self._shared.take(demand)
        if verdict is None:
            verdict = self._local.take(_costing(plan.local, cost))
            if verdict.allowed:
                self._shared.owe(demand)
        headers = {"RateLimit-Policy": plan.field, "RateLimit": limit_field(plan.buckets, verdict.levels)}
        if not verdict.allowed:
            raise _refusal(plan, verdict, headers)
        return headers


def _costing(demand: Demand, cost: int) -> Demand:
    return demand if cost == 1 else replace(demand, cost=cost)


def _too_many(plan: Plan) -> RateLimited:
    """A place may be free at any moment; nobody knows when, so the caller is told the shortest time that there is."""
    headers = {"RateLimit-Policy": plan.field, "RateLimit": f'"{CONCURRENCY}";r=0;t=1'}
    detail = f"{plan.concurrency} requests of this client are in flight, which is its limit."
    return RateLimited(detail, retry_after_seconds=1, headers=headers, policies=(CONCURRENCY,))


def _refusal(plan: Plan, verdict: Verdict, headers: Mapping[str, str]) -> RateLimited | ExceedsLimit:
    named, level = tightest(plan.buckets, verdict.levels)
    if level.retry_after_us < 0:
        holds = f"the limit named {named.name} ever holds, which is {named.bucket.capacity}"
        message = f"This costs more than {holds}: send less at once."
        return ExceedsLimit(message, headers=headers)
    return RateLimited(
        f"The limit named {named.name} is reached.",
        retry_after_seconds=retry_after_seconds(level),
        headers=headers,
        policies=violated(plan.buckets, verdict.levels),
    )
