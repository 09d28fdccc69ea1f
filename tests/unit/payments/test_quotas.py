from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapters.declaration import OperationKind, Quota
from payments.calls.quotas import name_of, pace_of

_START, _UNIT = 1_000_000_000, timedelta(microseconds=1)


def quota(requests: int, window_seconds: int) -> Quota:
    return Quota(kinds=frozenset({OperationKind.ENQUIRE}), requests=requests, window_seconds=window_seconds)


def begun(asked_us: list[int], it: Quota) -> list[int]:
    """When calls were begun that were asked for at these times, by the sums of quotas.sql."""
    pace, full_at, times = pace_of(it), 0, []
    interval, tolerance = pace.interval // _UNIT, pace.tolerance // _UNIT
    for now in asked_us:
        after = max(full_at, now) + interval
        if after <= now + tolerance:
            full_at = after
            times.append(now)
    return times


@given(
    it=st.builds(quota, st.integers(1, 60), st.integers(1, 5)),
    steps=st.lists(st.integers(0, 400_000), min_size=1, max_size=300),
)
def test_no_window_has_more_calls_than_were_declared(it: Quota, steps: list[int]) -> None:
    """However calls are asked for, any stretch as long as the window begins at most the declared number."""
    now, asked = _START, []
    for step in steps:
        now += step
        asked.append(now)
    times = begun(asked, it)
    window = it.window_seconds * 1_000_000
    assert all(sum(first <= time < first + window for time in times) <= it.requests for first in times)


def test_most_of_a_quota_can_be_used() -> None:
    """A caller that asks all the time gets nine tenths of it in each window, and a tenth at once."""
    it = quota(100, 10)
    times = begun([_START + step * 1_000 for step in range(20_000)], it)
    assert sum(time < _START + 15_000 for time in times) == 10
    assert sum(_START + 10_000_000 <= time < _START + 20_000_000 for time in times) >= 90


def test_each_quota_has_its_own_count() -> None:
    """A changed declaration begins a new one."""
    both = Quota(kinds=frozenset({OperationKind.SUBMIT, OperationKind.ENQUIRE}), requests=5, window_seconds=60)
    assert name_of(both) == "enquire+submit 5/60s"
    assert name_of(quota(5, 60)) != name_of(quota(6, 60))
