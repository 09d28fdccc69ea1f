from kernel.sealing.expiring import ExpiringCache
from tests.support.clock import FakeClock


def test_values_are_forgotten_after_their_time() -> None:
    """A value is there for exactly its lifetime, counted from when it was put."""
    clock = FakeClock()
    cache = ExpiringCache[str, int](clock, 30, 10)
    cache.put("a", 1)
    clock.advance(29.9)
    assert cache.get("a") == 1
    assert cache.get_many(["a", "b"]) == {"a": 1}
    clock.advance(0.1)
    assert cache.get("a") is None
    assert cache.get_many(["a"]) == {}


def test_the_oldest_goes_first() -> None:
    """Over the bound the value that was put first is forgotten; putting again counts as new."""
    cache = ExpiringCache[str, int](FakeClock(), 30, 2)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.put("a", 3)
    cache.put("c", 4)
    assert cache.get_many("abc") == {"a": 3, "c": 4}


def test_a_value_can_be_forgotten_at_once() -> None:
    """Discarding is final, and harmless for what is not there."""
    cache = ExpiringCache[str, int](FakeClock(), 30, 2)
    cache.put("a", 1)
    cache.discard("a")
    cache.discard("b")
    assert cache.get("a") is None
