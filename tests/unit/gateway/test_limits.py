from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.gcra import Bucket, Level, ask, taken
from gateway.limits.headers import limit_field, policy_field, retry_after_seconds, violated
from gateway.limits.live.rows import LimitRow, own_of, rows_of
from gateway.limits.plan import Plans
from gateway.limits.policy import (
    BUCKET_NAMES,
    CLIENT_CLASSES,
    LimitClass,
    LimitPolicy,
    Named,
    Own,
    Tier,
    address_owner,
)
from gateway.oauth.scopes import Caller
from kernel.ids import Environment, Tenant

buckets = st.builds(Bucket, capacity=st.integers(1, 1000), rate_per_second=st.floats(0.01, 10_000, allow_nan=False))


@given(bucket=buckets, steps=st.lists(st.tuples(st.integers(0, 2_000_000), st.integers(1, 5)), max_size=60))
def test_never_more_than_capacity_and_rate(bucket: Bucket, steps: list[tuple[int, int]]) -> None:
    """Over any stretch of time, what was taken is at most the capacity plus the rate times the time."""
    now, tat, total = 1_000_000, 0, 0
    for wait, cost in steps:
        now += wait
        arrival, level = ask(bucket, tat, now, cost)
        if level.retry_after_us == 0:
            tat, total = arrival, total + cost
        assert total <= bucket.capacity + (now - 1_000_000) / bucket.interval_us


@given(bucket=buckets, debt=st.integers(0, 10**9), cost=st.integers(1, 5))
def test_a_refused_cost_fits_exactly_when_it_was_told(bucket: Bucket, debt: int, cost: int) -> None:
    """Not before retry_after, and then at once; never where it exceeds the capacity."""
    now = 10**12
    tat = now + min(debt, bucket.capacity * bucket.interval_us)
    _, level = ask(bucket, tat, now, cost)
    if cost > bucket.capacity:
        assert level.retry_after_us == -1
        return
    assert ask(bucket, tat, now + level.retry_after_us, cost)[1].retry_after_us == 0
    if level.retry_after_us > 0:
        assert ask(bucket, tat, now + level.retry_after_us - 1, cost)[1].retry_after_us > 0


@given(bucket=buckets, cost=st.integers(1, 5))
def test_the_level_after_taking_is_what_the_next_question_sees(bucket: Bucket, cost: int) -> None:
    """`taken` foretells `ask`."""
    arrival, level = ask(bucket, 0, 10**12, cost)
    if level.retry_after_us == 0:
        assert taken(level, bucket, cost) == ask(bucket, arrival, 10**12, 0)[1]


@pytest.mark.parametrize(("capacity", "rate"), [(0, 1), (1, 0), (1, -1)])
def test_a_bucket_lets_something_through(capacity: int, rate: float) -> None:
    """Buckets that never would are refused when they are made."""
    with pytest.raises(ValueError, match="bucket"):
        Bucket(capacity=capacity, rate_per_second=rate)


def test_a_share_is_never_nothing() -> None:
    """A process on its own still serves somebody."""
    assert Bucket(capacity=1, rate_per_second=1).share(0.1).capacity == 1


def test_the_headers_name_the_bucket_that_bites() -> None:
    """The one that refuses, or the one with the smallest part left."""
    client = Named("client", "c", Bucket(capacity=100, rate_per_second=10))
    reads = Named("reads", "r", Bucket(capacity=10, rate_per_second=1))
    assert policy_field((client, reads)) == '"client";q=100;w=10, "reads";q=10;w=10'
    assert limit_field((client, reads), (Level(50, 0, 5_000_000), Level(9, 0, 1_000_000))) == '"client";r=50;t=5'
    assert limit_field((client, reads), (Level(50, 0, 5_000_000), Level(0, 1, 9_500_000))) == '"reads";r=0;t=10'


@pytest.mark.parametrize(("wait", "seconds"), [(1, 1), (1_000_000, 1), (1_000_001, 2)])
def test_retry_after_is_never_early(wait: int, seconds: int) -> None:
    """Whole seconds, rounded up."""
    assert retry_after_seconds(Level(0, wait, 0)) == seconds


PARTNER_ID, CLIENT_ID = UUID(int=1), UUID(int=2)
SMALL, LARGE = Bucket(capacity=1, rate_per_second=1), Bucket(capacity=999, rate_per_second=9)


def caller(tier: str = "standard") -> Caller:
    tenant = Tenant(PARTNER_ID, Environment.TEST)
    return Caller(tenant=tenant, client_id=CLIENT_ID, scopes=frozenset(), tier=tier, owner="cli_test_x")


def tier(bucket: Bucket, concurrency: int = 1) -> Tier:
    return Tier(buckets=dict.fromkeys(BUCKET_NAMES, bucket), concurrency=concurrency)


def test_which_buckets_a_request_takes_from() -> None:
    """Its partner's in its environment, its client's, and its client's of the route's class; else its address's."""
    plans = Plans(LimitPolicy())
    plan = plans.of_client(caller(), LimitClass.EVENTS)
    assert [named.key for named in plan.buckets] == [
        f"partner:{PARTNER_ID.hex}:test",
        "client:cli_test_x",
        "events:cli_test_x",
    ]
    assert plans.of_client(caller(), LimitClass.EVENTS) is plan
    token = plans.of_other(LimitClass.TOKEN, "192.0.2.1")
    assert [named.key for named in token.buckets] == ["token:192.0.2.1"]


def test_every_class_of_routes_has_a_bucket() -> None:
    """A class that was forgotten would fail at the first request."""
    plans = Plans(LimitPolicy())
    for limit in set(LimitClass) - {LimitClass.UNLIMITED}:
        assert (plans.of_client(caller(), limit) if limit in CLIENT_CLASSES else plans.of_other(limit, "x")).buckets


def test_the_nearest_word_about_a_limit_counts() -> None:
    """The client's own before what was agreed with its partner, that before the tier; an unknown tier is standard."""
    policy = LimitPolicy(tiers={"standard": tier(SMALL), "premium": tier(LARGE, 7)})
    agreed = Own(buckets={"reads": LARGE, "client": LARGE}, concurrency=5)
    own = Own(buckets={"reads": Bucket(capacity=3, rate_per_second=3)})
    plan = Plans(policy, own={PARTNER_ID: agreed, CLIENT_ID: own}).of_client(caller(), LimitClass.READS)
    assert [named.bucket.capacity for named in plan.buckets] == [1, 999, 3]
    assert plan.concurrency == 5
    assert Plans(policy).of_client(caller("none such"), LimitClass.READS).buckets[0].bucket == SMALL
    assert Plans(policy).of_client(caller("premium"), LimitClass.READS).concurrency == 7


def test_a_partner_that_was_moved_is_of_its_new_tier_at_once() -> None:
    """What the database says of its tier goes before what its older tokens say."""
    policy = LimitPolicy(tiers={"standard": tier(SMALL), "premium": tier(LARGE)})
    plan = Plans(policy, tiers={PARTNER_ID: "standard"}).of_client(caller("premium"), LimitClass.READS)
    assert plan.buckets[0].bucket == SMALL


names = st.sampled_from(BUCKET_NAMES)


@given(limits=st.builds(Own, buckets=st.dictionaries(names, buckets), concurrency=st.none() | st.integers(1, 100)))
def test_limits_survive_their_rows(limits: Own) -> None:
    """What is stored is what is read."""
    assert own_of(rows_of(limits)) == limits


def test_rows_of_a_later_version_are_passed_over() -> None:
    """A process that is older than a limit's name goes on with those that it knows."""
    rows: list[LimitRow] = [("reads", 3, 1.0), ("of a later version", 5, 1.0)]
    assert own_of(rows) == Own(buckets={"reads": Bucket(capacity=3, rate_per_second=1)})


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1:aaaa::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:1::ffff", "2001:db8:0:1::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_caller_is_its_network(address: str, owner: str) -> None:
    """Whoever holds a /64 would otherwise have a bucket for each of its addresses."""
    assert address_owner(address) == owner


def test_a_refusal_names_every_limit_that_refuses() -> None:
    """Not those that would have let it pass."""
    pair = (Named("client", "c", LARGE), Named("reads", "r", SMALL))
    assert violated(pair, (Level(5, 0, 0), Level(0, 7, 7))) == ("reads",)
    assert violated(pair, (Level(0, 3, 3), Level(0, -1, 7))) == ("client", "reads")


def test_the_policy_tells_how_many_may_be_in_flight() -> None:
    """In the draft's own unit."""
    assert policy_field((), 20) == '"concurrency";q=20;qu="concurrent-requests"'
