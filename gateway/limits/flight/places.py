"""How many requests of a client are in flight, over all processes: counted here, in places that this process leased.

A request takes a place that the process has already, without asking anybody; only where there is none the process asks
for one more. Places that nobody used go back within a quarter of a second and, once half of a client's places are
leased, as soon as they are free. So a client is not refused for places that lie idle elsewhere for longer than that.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from secrets import token_hex

from redis import RedisError

from gateway.limits.flight.leases import Grant, Leases, Want
from gateway.limits.policy import LimitPolicy

_BATCH_MAX = 500
# How often idle places are looked for, and after which part of its time a lease is begun anew.
_LOOK_SECONDS = 0.25
_RENEW_PART = 0.25


class Place:
    """A client's places in this process. Whoever entered leaves, once."""

    __slots__ = ("asked", "client", "held", "kept", "limit", "peak", "renewed_at", "roomy", "tell", "used", "waiting")

    def __init__(self, client: str, limit: int, tell: "Callable[[Place], None]") -> None:
        """`tell` is called when places should be settled soon."""
        self.client = client
        self.limit = limit
        self.tell = tell
        self.used = self.held = self.peak = self.kept = self.asked = 0
        self.roomy = True
        self.renewed_at = 0.0
        self.waiting: list[asyncio.Future[bool]] = []

    def try_enter(self) -> bool:
        """Take a place that is free here. Those who wait come first: what is asked for them counts what is free now."""
        if self.waiting or self.used >= self.held or self.used >= self.limit:
            return False
        self.used += 1
        self.peak = max(self.peak, self.used)
        return True

    def leave(self) -> None:
        """The request is answered."""
        self.used -= 1
        if not self.roomy:
            self.tell(self)

    def want(self) -> Want:
        """What to ask for. What will be given back is not taken any more."""
        self.asked = len(self.waiting)
        wanted = max(self.used + self.asked, self.kept if self.roomy else 0)
        self.held = min(self.held, max(wanted, self.used))
        return Want(self.client, self.limit, self.used, wanted)

    def settle(self, grant: Grant, now: float) -> None:
        """The answer: those for whom was asked enter, as far as there are places; who came since is asked for next."""
        self.held, self.renewed_at = grant.places, now
        self.roomy = 2 * grant.all_places <= self.limit
        self._let_in(self.held)

    def settle_alone(self, share: float, lapses_at: float, now: float) -> None:
        """No answer: until there is one, the lease while it lasts, and then this process' share, bound what enters."""
        if lapses_at <= now:
            self.held = 0
        self._let_in(max(self.held, 1, int(self.limit * share)))

    def _let_in(self, room: int) -> None:
        answered, self.waiting = self.waiting[: self.asked], self.waiting[self.asked :]
        for future in answered:
            if future.done():
                continue
            enters = self.used < min(room, self.limit)
            if enters:
                self.used += 1
                self.peak = max(self.peak, self.used)
            future.set_result(enters)


class Places:
    """The places of all clients in this process, and the one task that settles them."""

    def __init__(self, leases: Leases, policy: LimitPolicy, is_redis_there: Callable[[], bool]) -> None:
        """While `is_redis_there` says no, nobody is asked and nobody waits."""
        self._leases = leases
        self._policy = policy
        self._is_redis_there = is_redis_there
        self._process = token_hex(8)
        self._places: dict[str, Place] = {}
        self._unsettled: dict[str, Place] = {}
        self._settling: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look after idle places and leases."""
        self._looking = asyncio.create_task(self._look_after())

    async def close(self) -> None:
        """Give every place back, and stop."""
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        for place in self._places.values():
            place.kept = 0
            self._tell(place)
        if self._settling is not None:
            await self._settling

    async def enter(self, client: str, limit: int) -> Place | None:
        """A place, which the caller leaves; None where the client's limit is reached."""
        place = self._places.get(client)
        if place is None:
            place = self._places[client] = Place(client, limit, self._tell)
        place.limit = limit
        if place.try_enter() or await self._wait(place):
            return place
        return None

    async def _wait(self, place: Place) -> bool:
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        place.waiting.append(future)
        self._tell(place)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.result():
                place.leave()
            raise

    def _tell(self, place: Place) -> None:
        self._unsettled[place.client] = place
        if self._settling is None:
            self._settling = asyncio.get_running_loop().create_task(self._settle())

    async def _settle(self) -> None:
        try:
            while self._unsettled:
                batch = [self._unsettled.pop(client) for client in list(self._unsettled)[:_BATCH_MAX]]
                grants = await self._ask([place.want() for place in batch])
                self._apply(batch, grants)
        finally:
            self._settling = None

    def _apply(self, batch: Sequence[Place], grants: Sequence[Grant] | None) -> None:
        now = asyncio.get_running_loop().time()
        for number, place in enumerate(batch):
            if grants is not None:
                place.settle(grants[number], now)
            else:
                lapses_at = place.renewed_at + self._policy.lease_seconds
                place.settle_alone(self._policy.local_share, lapses_at, now)

    async def _ask(self, wants: Sequence[Want]) -> list[Grant] | None:
        if not self._is_redis_there():
            return None
        try:
            async with asyncio.timeout(self._policy.wait_max_seconds):
                return await self._leases.settle(self._process, wants)
        except (RedisError, OSError):
            return None

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            renew_before = asyncio.get_running_loop().time() - self._policy.lease_seconds * _RENEW_PART
            for place in list(self._places.values()):
                place.kept, place.peak = place.peak, place.used
                if place.held > place.kept or (place.held and place.renewed_at < renew_before):
                    self._tell(place)
                elif not (place.held or place.used or place.waiting):
                    del self._places[place.client]
