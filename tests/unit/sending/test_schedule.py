"""The schedule is pure: step, wish and chance in, delay out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.sending.schedule import Schedule, delay_before_ms

DEFAULT = Schedule()


def test_the_default_is_the_recommended_one() -> None:
    """Ten tries, the last 75:35:05 after the first (Standard Webhooks 1.0.0)."""
    delays = [delay_before_ms(DEFAULT, step, jitter=0) for step in range(11)]
    assert delays[:4] == [0, 5_000, 300_000, 1_800_000]
    assert delays[10] is None
    assert sum(delay for delay in delays if delay is not None) == (75 * 3600 + 35 * 60 + 5) * 1000


@given(step=st.integers(0, 9), jitter=st.floats(0, 1, exclude_max=True), asked=st.none() | st.integers(0, 100_000))
def test_no_try_is_early(step: int, jitter: float, asked: int | None) -> None:
    """Jitter only adds, a tenth or fifteen minutes at most, and a receiver's wish is never undercut."""
    plain = DEFAULT.delays_seconds[step] * 1000
    delay = delay_before_ms(DEFAULT, step, jitter=jitter, retry_after_seconds=asked)
    assert delay is not None
    assert delay >= max(plain, (asked or 0) * 1000)
    assert delay <= max(plain + min(plain / 10, 900_000) + 1, (asked or 0) * 1000)


def test_a_wish_does_not_lengthen_the_schedule() -> None:
    """After the last step there is no next try, whatever the receiver asks for."""
    assert delay_before_ms(DEFAULT, 10, jitter=0.5, retry_after_seconds=60) is None


@pytest.mark.parametrize("fields", [{"delays_seconds": ()}, {"delays_seconds": (0, -1)}, {"jitter_share": -0.1}])
def test_an_impossible_schedule_is_refused(fields: dict[str, object]) -> None:
    """A schedule tries at least once and is never early."""
    with pytest.raises(ValueError, match=r"schedule|jitter"):
        Schedule(**fields)
