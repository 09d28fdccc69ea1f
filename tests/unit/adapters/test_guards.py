"""The breaker's states, moved by hand."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.engine.guards import Breaker, BreakerPolicy
from tests.support.clock import FakeClock

POLICY = BreakerPolicy(failures_max=3, open_seconds=10, retry_after_seconds_max=60)


def opened(clock: FakeClock) -> Breaker:
    breaker = Breaker(POLICY, clock.monotonic)
    for _ in range(POLICY.failures_max):
        assert breaker.admit() is None
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    """A success in between starts the count again."""
    breaker = Breaker(POLICY, FakeClock().monotonic)
    for _ in range(10):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
        assert breaker.admit() is None


def test_open_means_no_call_until_the_time_is_up() -> None:
    """It says how long to wait."""
    clock = FakeClock()
    breaker = opened(clock)
    assert breaker.admit() == 10
    clock.advance(9)
    assert breaker.admit() == 1


def test_half_open_lets_one_probe_through() -> None:
    """While the probe is under way nobody else calls; its failure opens again, its success closes."""
    clock = FakeClock()
    breaker = opened(clock)
    clock.advance(10)
    assert breaker.admit() is None
    assert breaker.admit() is not None
    breaker.failed()
    assert breaker.admit() == 10
    clock.advance(10)
    assert breaker.admit() is None
    breaker.succeeded()
    assert breaker.admit() is None
    assert breaker.admit() is None


def test_an_abandoned_probe_makes_room_for_another() -> None:
    """A cancelled probe does not close the bank for ever."""
    clock = FakeClock()
    breaker = opened(clock)
    clock.advance(10)
    assert breaker.admit() is None
    breaker.abandoned()
    assert breaker.admit() is None


def test_a_requested_pause_is_kept_up_to_a_bound() -> None:
    """A bank's Retry-After holds calls back, but no bank can stop itself for ever."""
    clock = FakeClock()
    breaker = Breaker(POLICY, clock.monotonic)
    breaker.wait_for(86_400)
    assert breaker.admit() == 60
    clock.advance(60)
    assert breaker.admit() is None


@given(steps=st.lists(st.sampled_from(["admit", "fail", "succeed", "abandon", "wait", "time"]), max_size=60))
def test_no_history_closes_a_bank_for_ever(steps: list[str]) -> None:
    """Whatever happened, some call is admitted once every admitted call was told of and the longest pause is over."""
    clock = FakeClock()
    breaker = Breaker(POLICY, clock.monotonic)
    for step in steps:
        match step:
            case "admit":
                breaker.admit()
            case "fail":
                breaker.failed()
            case "succeed":
                breaker.succeeded()
            case "abandon":
                breaker.abandoned()
            case "wait":
                breaker.wait_for(30)
            case _:
                clock.advance(1)
    breaker.abandoned()
    clock.advance(60)
    assert breaker.admit() is None
