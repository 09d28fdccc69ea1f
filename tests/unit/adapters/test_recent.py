import pytest

from adapters.engine.guards import Breaker, BreakerPolicy
from adapters.engine.recent import Recent
from payments.banks.health import Condition, Health
from tests.support.clock import FakeClock


def test_a_minute_is_remembered_and_no_more(clock: FakeClock) -> None:
    """Calls leave the count after a minute, in slots of ten seconds, whether new ones come or not."""
    recent = Recent(clock.monotonic)
    recent.add(failed=True)
    clock.advance(30)
    recent.add(failed=False)
    assert recent.counts() == (2, 1)
    clock.advance(35)
    assert recent.counts() == (1, 0)
    clock.advance(30)
    assert recent.counts() == (0, 0)
    recent.add(failed=True)
    assert recent.counts() == (1, 1)


def test_a_breaker_tells_for_how_long_it_is_shut(clock: FakeClock) -> None:
    """From the failure that opened it until its time is up."""
    breaker = Breaker(BreakerPolicy(failures_max=1, open_seconds=10), clock.monotonic)
    assert breaker.shut_seconds() == 0
    breaker.failed()
    clock.advance(4)
    assert breaker.shut_seconds() == pytest.approx(6)
    clock.advance(10)
    assert breaker.shut_seconds() == 0


@pytest.mark.parametrize(
    ("calls", "failures", "condition"),
    [
        (0, 0, Condition.IDLE),
        (2, 2, Condition.HEALTHY),
        (10, 4, Condition.HEALTHY),
        (10, 5, Condition.FAILING),
    ],
)
def test_a_bank_in_a_word(calls: int, failures: int, condition: Condition) -> None:
    """Nothing is said of a bank that nobody called, and little of two calls; a suspension stands before all."""
    health = Health(calls=calls, failures=failures)
    assert health.condition(suspended=False) is condition
    assert health.condition(suspended=True) is Condition.SUSPENDED
