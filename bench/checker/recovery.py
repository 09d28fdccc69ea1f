"""How long until all was well again after each fault.

Steady at t: every event of a fast lane that was first requested in the two seconds from t was taken by its endpoint
within two seconds. A fault that another one follows before that cannot be measured; the later one carries both.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bench.checker.finding import Finding
from bench.checker.history import Fault, History

_WINDOW_SECONDS = 2.0
_STEP_SECONDS = 0.1
RECOVERY_SECONDS_MAX = 15.0
_NEVER = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One fault and how long it took; None where another fault came too soon to tell."""

    fault: Fault
    seconds: float | None


def findings(history: History, seconds_max: float = RECOVERY_SECONDS_MAX) -> Iterator[Finding]:
    """Counts of faults, the times by kind, and those that took too long."""
    measured = list(recoveries(history, seconds_max))
    yield Finding(name="faults", count=len(measured))
    by_kind: defaultdict[str, list[Recovery]] = defaultdict(list)
    for recovery in measured:
        by_kind[recovery.fault.kind].append(recovery)
    for kind, found in sorted(by_kind.items()):
        yield Finding(name=f"faults: {kind}", count=len(found))
        seconds = [recovery.seconds for recovery in found if recovery.seconds is not None]
        if seconds:
            yield Finding(name=f"recovery: {kind}, median", count=round(median(seconds), 1), unit="s")
            yield Finding(name=f"recovery: {kind}, longest", count=round(max(seconds), 1), unit="s")
    yield Finding.zero(
        f"recoveries over {seconds_max:.0f} s",
        (
            f"{recovery.fault.kind} at {recovery.fault.began:.1f}: {recovery.seconds:.1f} s"
            for recovery in measured
            if recovery.seconds is not None and recovery.seconds > seconds_max
        ),
    )


def recoveries(history: History, seconds_max: float = RECOVERY_SECONDS_MAX) -> Iterator[Recovery]:
    """Every fault that was done, in order of time."""
    done = sorted((fault for fault in history.faults if not fault.skipped), key=lambda fault: fault.began)
    trips = _trips(history)
    for fault in done:
        others = [other for other in done if other is not fault and other.ended > fault.began]
        if any(other.began <= fault.ended < other.ended for other in others):
            yield Recovery(fault=fault, seconds=None)
        else:
            limit = min((other.began for other in others if other.began > fault.ended), default=_NEVER)
            yield Recovery(fault=fault, seconds=_seconds(fault, limit, trips, seconds_max))


def _trips(history: History) -> list[tuple[float, float]]:
    """When each event of a fast lane was first requested and when it was taken, in order."""
    fast = {name for name, lane in history.lanes.items() if lane.behaviour == "fast" and not lane.ordered}
    return sorted(
        (ask.requested, history.taken_keys.get((ask.lane, ask.key), _NEVER))
        for ask in history.asks
        if ask.kind == "event" and ask.lane in fast
    )


def _seconds(fault: Fault, limit: float, trips: Sequence[tuple[float, float]], seconds_max: float) -> float | None:
    """Seconds until steady; None if it cannot be said; infinite if it never was although there was load to tell."""
    start = fault.ended
    last = min(limit, trips[-1][0]) if trips else start
    while start + _WINDOW_SECONDS <= last:
        if _steady(start, trips):
            return start - fault.ended
        start += _STEP_SECONDS
    return _NEVER if last - fault.ended > seconds_max + _WINDOW_SECONDS else None


def _steady(start: float, trips: Sequence[tuple[float, float]]) -> bool:
    window = trips[bisect_left(trips, (start, 0.0)) : bisect_left(trips, (start + _WINDOW_SECONDS, 0.0))]
    return bool(window) and all(taken - requested <= _WINDOW_SECONDS for requested, taken in window)
