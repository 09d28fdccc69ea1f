"""What is to be asked for a request, made once for each client and class of routes and then used again and again."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from gateway.limits.headers import policy_field
from gateway.limits.policy import LimitClass, LimitPolicy, Named, Own, client_buckets, other_buckets
from gateway.limits.storage import Demand
from gateway.oauth.scopes import Caller

_PLANS_MAX = 20_000
_NOTHING: Mapping[UUID, Own] = MappingProxyType({})
_NO_TIERS: Mapping[UUID, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The buckets of a request, the demand of the cost 1 on them, the same at one process' share, and their header.

    `concurrency` is how many requests of its client may be in flight; 0 where nobody counts them.
    """

    buckets: tuple[Named, ...]
    demand: Demand
    local: Demand
    field: str
    concurrency: int = 0


class Plans:
    """The plans for one state of the limits; when that changes, all of them are made anew."""

    def __init__(
        self,
        policy: LimitPolicy,
        tiers: Mapping[UUID, str] = _NO_TIERS,
        own: Mapping[UUID, Own] = _NOTHING,
    ) -> None:
        """`tiers` are those of partners, `own` the own limits of partners and clients, by id."""
        self._policy = policy
        self._tiers = tiers
        self._own = own
        self._made: dict[tuple[str, LimitClass], Plan] = {}

    def of_client(self, caller: Caller, limit: LimitClass) -> Plan:
        """For a request with a token of a client."""
        key = (caller.owner, limit)
        return self._made.get(key) or self._keep(key, self._client_plan(caller, limit))

    def of_other(self, limit: LimitClass, owner: str) -> Plan:
        """For a request of an admin token, or of an address."""
        key = (owner, limit)
        return self._made.get(key) or self._keep(key, self._plan(other_buckets(self._policy, limit, owner)))

    def _client_plan(self, caller: Caller, limit: LimitClass) -> Plan:
        partner_id = caller.tenant.partner_id
        # A partner that is younger than this state has the tier that its token was made with.
        tier = self._policy.tier(self._tiers.get(partner_id, caller.tier))
        agreed = tier.with_own(self._own.get(partner_id, Own()))
        limits = agreed.with_own(self._own.get(caller.client_id, Own()))
        partner = f"{partner_id.hex}:{caller.tenant.environment}"
        return self._plan(client_buckets(limits, limit, partner, caller.owner), limits.concurrency)

    def _plan(self, buckets: tuple[Named, ...], concurrency: int = 0) -> Plan:
        share = self._policy.local_share
        return Plan(
            buckets=buckets,
            demand=Demand(buckets=tuple((named.key, named.bucket) for named in buckets)),
            local=Demand(buckets=tuple((named.key, named.bucket.share(share)) for named in buckets)),
            field=policy_field(buckets, concurrency),
            concurrency=concurrency,
        )

    def _keep(self, key: tuple[str, LimitClass], plan: Plan) -> Plan:
        if len(self._made) >= _PLANS_MAX:
            self._made.clear()
        self._made[key] = plan
        return plan
