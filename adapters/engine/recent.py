"""How the calls of the last minute at one bank ended, as one process saw them."""

from collections.abc import Callable
from dataclasses import dataclass

_SLOTS = 6
_SLOT_SECONDS = 10
WINDOW_SECONDS = _SLOTS * _SLOT_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Calls of the last minute, how many failed, and for how long the breaker lets none pass, 0 where it does."""

    calls: int
    failures: int
    shut_seconds: float


class Recent:
    """Counts in slots of ten seconds; what is older than a minute is forgotten."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._slots: dict[int, tuple[int, int]] = {}

    def add(self, *, failed: bool) -> None:
        """One call ended."""
        slot = self._slot()
        if slot not in self._slots:
            self._slots = {number: counts for number, counts in self._slots.items() if number > slot - _SLOTS}
        calls, failures = self._slots.get(slot, (0, 0))
        self._slots[slot] = (calls + 1, failures + failed)

    def counts(self) -> tuple[int, int]:
        """Calls and failures of the last minute."""
        oldest = self._slot() - _SLOTS
        young = [counts for number, counts in self._slots.items() if number > oldest]
        return sum(calls for calls, _ in young), sum(failures for _, failures in young)

    def _slot(self) -> int:
        return int(self._monotonic() // _SLOT_SECONDS)
