"""What this process works on at the moment. Two additions per request; nothing here is awaited by one."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from aiohttp import web

from gateway.overload.shedding import Bounds, Priority, is_refused, load_of

_SAMPLE_SECONDS = 0.1
_TELL_SECONDS = 1.0
_log = structlog.get_logger()


class Place:
    """One request's part of the load."""

    __slots__ = ("_load", "body_bytes")

    def __init__(self, load: "Load") -> None:
        self._load = load
        self.body_bytes = 0

    def take(self, body_bytes: int) -> None:
        """So many more bytes of its body are held."""
        self.body_bytes += body_bytes
        self._load.body_bytes += body_bytes

    @contextmanager
    def parked(self) -> Iterator[None]:
        """While it only waits for its caller it is no work of ours, so who sends slowly takes nobody's place."""
        self._load.running -= 1
        try:
            yield
        finally:
            self._load.running += 1


PLACE = web.RequestKey("place", Place)


class Load:
    """Counts. `waiting` tells how many of the running requests only wait for a bank: no work of ours either."""

    def __init__(self, bounds: Bounds | None = None, waiting: Callable[[], int] = lambda: 0) -> None:
        self.bounds = bounds or Bounds()
        self._waiting = waiting
        self._lags = (0.0, 0.0)
        self._untold: Counter[Priority] = Counter()
        self.running = 0
        self.body_bytes = 0
        self.draining = False

    @property
    def lag_seconds(self) -> float:
        """How late the event loop is: the better of the last two samples, so that one pause refuses nobody."""
        return min(self._lags)

    def level(self) -> float:
        """The load from 0; at 1 nothing more is begun but what is never refused."""
        return load_of(self.bounds, self.running - self._waiting(), self.body_bytes, self.lag_seconds)

    def refuses(self, priority: Priority) -> bool:
        """Whether a request of this priority is refused now. One that is gets counted."""
        if not is_refused(priority, self.level()):
            return False
        self._untold[priority] += 1
        return True

    def enter(self) -> Place:
        """A request begins."""
        self.running += 1
        return Place(self)

    def leave(self, place: Place) -> None:
        """It ended."""
        self.running -= 1
        self.body_bytes -= place.body_bytes

    def drain(self) -> None:
        """From now on every answer ends its connection, so that callers go to another process."""
        self.draining = True

    async def idle(self, seconds: float) -> None:
        """Wait until nothing runs, at most so long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self.running and loop.time() < end:  # noqa: ASYNC110 - an event would cost every request
            await asyncio.sleep(_SAMPLE_SECONDS / 10)

    async def watch(self) -> None:
        """Measure how late the loop is, and tell what was refused, until cancelled."""
        loop = asyncio.get_running_loop()
        told = loop.time()
        while True:
            due = loop.time() + _SAMPLE_SECONDS
            await asyncio.sleep(_SAMPLE_SECONDS)
            self._lags = (self._lags[1], max(loop.time() - due, 0.0))
            if self._untold and loop.time() >= told + _TELL_SECONDS:
                refused, self._untold, told = dict(self._untold), Counter(), loop.time()
                _log.warning("load.refused", **{priority.value: count for priority, count in refused.items()})
