import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.gcra import Bucket, Level, ask, taken
from gateway.limits.headers import limit_field, policy_field, retry_after_seconds
from gateway.limits.policy import LimitClass, LimitPolicy, Named, buckets_of

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


@pytest.mark.parametrize(("wait", "seconds"), [(1, 1), (1_000_000, 1), (1_000_001, 2), (-1, 86_400)])
def test_retry_after_is_never_early(wait: int, seconds: int) -> None:
    """Whole seconds, rounded up."""
    assert retry_after_seconds(Level(0, wait, 0)) == seconds


def test_which_buckets_a_request_takes_from() -> None:
    """Its client's, and those of its class; the token endpoint's by address; none for what is never refused."""
    policy = LimitPolicy()
    assert [named.key for named in buckets_of(policy, LimitClass.EVENTS, "cli_x")] == ["client:cli_x", "events:cli_x"]
    assert [named.key for named in buckets_of(policy, LimitClass.TOKEN, "192.0.2.1")] == ["token:192.0.2.1"]
    assert buckets_of(policy, LimitClass.UNLIMITED, "x") == ()
    assert buckets_of(policy, LimitClass.READS, "x", "no such tier") == buckets_of(policy, LimitClass.READS, "x")


def test_every_class_of_routes_has_a_bucket() -> None:
    """A tier that forgot a class would fail at the first request."""
    for limit in LimitClass:
        buckets_of(LimitPolicy(), limit, "x")
