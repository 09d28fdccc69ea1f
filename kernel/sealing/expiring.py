"""A cache with a lifetime and a bound: what it forgets is asked for again."""

from collections.abc import Iterable
from typing import Generic, TypeVar

from kernel.clock import Clock

Key = TypeVar("Key")
Value = TypeVar("Value")


class ExpiringCache(Generic[Key, Value]):
    """Keeps each value `seconds` long from when it was put; over the bound, the one put first goes first."""

    def __init__(self, clock: Clock, seconds: float, size_max: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._size_max = size_max
        self._entries: dict[Key, tuple[float, Value]] = {}

    def get(self, key: Key) -> Value | None:
        """The value, or None where there is none or it is too old."""
        entry = self._entries.get(key)
        if entry is None or entry[0] <= self._clock.monotonic():
            return None
        return entry[1]

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Value]:
        """Those of the keys that are known."""
        now, entries = self._clock.monotonic(), self._entries
        return {key: entry[1] for key in keys if (entry := entries.get(key)) is not None and entry[0] > now}

    def put(self, key: Key, value: Value) -> None:
        """Keep a value from now on; an older one of the key is replaced."""
        self._entries.pop(key, None)
        if len(self._entries) >= self._size_max:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (self._clock.monotonic() + self._seconds, value)

    def discard(self, key: Key) -> None:
        """Forget a value."""
        self._entries.pop(key, None)
