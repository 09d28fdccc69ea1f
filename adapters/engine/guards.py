"""What keeps one bad bank from hurting others: a bulkhead bounds its calls, a breaker spares it and us."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


class BulkheadFull(Exception):
    """So many calls of this bank are running and waiting that this one was not begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkheadPolicy:
    """At most `running_max` calls at once, `waiting_max` waiting, none longer than `wait_seconds`."""

    running_max: int = 32
    waiting_max: int = 64
    wait_seconds: float = 2.0


class Bulkhead:
    """Bounds one bank's concurrent calls."""

    def __init__(self, policy: BulkheadPolicy) -> None:
        self._policy = policy
        self._slots = asyncio.Semaphore(policy.running_max)
        self._waiting = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the bank's slots. Raises BulkheadFull when there is none in time."""
        await self._acquire()
        try:
            yield
        finally:
            self._slots.release()

    async def _acquire(self) -> None:
        if self._slots.locked() and self._waiting >= self._policy.waiting_max:
            raise BulkheadFull
        self._waiting += 1
        try:
            async with asyncio.timeout(self._policy.wait_seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise BulkheadFull from None
        finally:
            self._waiting -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """Opens after `failures_max` failures in a row, for `open_seconds`; a bank's Retry-After is kept up to a cap."""

    failures_max: int = 5
    open_seconds: float = 10.0
    retry_after_seconds_max: float = 60.0


class Breaker:
    """Counts failures of transport and of the bank's servers in a row; what a bank refuses explicitly is no failure.

    Closed: all calls pass. Open: none pass until the time is up. Half-open: one probe passes; it closes the breaker or
    opens it again.
    """

    def __init__(self, policy: BreakerPolicy, monotonic: Callable[[], float]) -> None:
        self._policy = policy
        self._monotonic = monotonic
        self._failures = 0
        self._shut_until = 0.0
        self._probing = False

    def admit(self) -> float | None:
        """None when the call may be made (its end must be told); else the seconds until the next one may."""
        wait_seconds = self._shut_until - self._monotonic()
        if wait_seconds > 0:
            return wait_seconds
        if self._failures < self._policy.failures_max:
            return None
        if self._probing:
            return self._policy.open_seconds
        self._probing = True
        return None

    def shut_seconds(self) -> float:
        """For how long no call passes; 0 where one may."""
        return max(self._shut_until - self._monotonic(), 0.0)

    def succeeded(self) -> None:
        """The bank gave a whole answer that is not a server error."""
        self._failures, self._probing = 0, False

    def failed(self) -> None:
        """The call failed in transport or with a server error."""
        self._failures, self._probing = self._failures + 1, False
        if self._failures >= self._policy.failures_max:
            self._shut_until = max(self._shut_until, self._monotonic() + self._policy.open_seconds)

    def abandoned(self) -> None:
        """The call ended without telling anything of the bank."""
        self._probing = False

    def wait_for(self, seconds: float) -> None:
        """The bank asked for a pause."""
        bounded = min(seconds, self._policy.retry_after_seconds_max)
        self._shut_until = max(self._shut_until, self._monotonic() + bounded)
