"""The connections that wait for another request, and the one timer that watches over all of them."""

import asyncio
from typing import NamedTuple

from webhooks.sending.dialing.dialer import Place
from webhooks.sending.lean_transport.connection import Connection

_SWEEP_SECONDS = 0.05
# A name that has moved is followed although its old server still answers.
_AGE_SECONDS_MAX = 300.0
_IDLE_MAX = 2_000


class Route(NamedTuple):
    """What a connection may be used for again: the same place, as the same client."""

    place: Place
    certificate_digest: bytes | None


class Pool:
    """Idle connections per route; the longest idle ones go first where there are too many."""

    def __init__(self, keep_alive_seconds: float) -> None:
        self._keep_alive_seconds = keep_alive_seconds
        self._by_route: dict[Route, list[Connection]] = {}
        # In the order in which they became idle, which is the order in which they leave.
        self._idle: dict[Connection, tuple[Route, float]] = {}

    def __len__(self) -> int:
        return len(self._idle)

    def take(self, route: Route) -> Connection | None:
        """The connection that was used last: the likeliest to be alive."""
        waiting = self._by_route.get(route)
        while waiting:
            connection = waiting.pop()
            del self._idle[connection]
            if not waiting:
                del self._by_route[route]
            if connection.is_open:
                return connection
        return None

    def put(self, route: Route, connection: Connection, now: float) -> None:
        """Keep it if it may serve again, else drop it."""
        if not connection.is_reusable or now - connection.born > _AGE_SECONDS_MAX:
            connection.drop()
            return
        self._by_route.setdefault(route, []).append(connection)
        self._idle[connection] = (route, now + self._keep_alive_seconds)
        if len(self._idle) > _IDLE_MAX:
            self._drop_first()

    def expire(self, now: float) -> None:
        """Drop what has been idle for too long."""
        while self._idle and next(iter(self._idle.values()))[1] <= now:
            self._drop_first()

    def close(self) -> None:
        """Drop all."""
        while self._idle:
            self._drop_first()

    def _drop_first(self) -> None:
        connection = next(iter(self._idle))
        self._forget(connection)
        connection.drop()

    def _forget(self, connection: Connection) -> None:
        route, _ = self._idle.pop(connection)
        waiting = self._by_route[route]
        waiting.remove(connection)
        if not waiting:
            del self._by_route[route]


class Sweeper:
    """Ends exchanges at their deadline: one timer over all that are busy, for a timer each costs more than a send."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._busy: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, connection: Connection, deadline: float) -> None:
        """Expire the connection's exchange at the deadline, or at most a sweep later."""
        connection.deadline = deadline
        self._busy.add(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep)

    def release(self, connection: Connection) -> None:
        """Its exchange is over."""
        self._busy.discard(connection)

    def close(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in [each for each in self._busy if each.deadline <= now]:
            connection.expire()
        self._pool.expire(now)
        is_needed = bool(self._busy) or len(self._pool) > 0
        self._timer = loop.call_later(_SWEEP_SECONDS, self._sweep) if is_needed else None
