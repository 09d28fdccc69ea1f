"""Who has how many places for requests in flight: leased to processes, so that a process that dies gives its own back.

Every settlement states the whole of what a process uses and wants. So one that is repeated changes nothing, one that
was lost is made good by the next, and after a flush of Redis the first settlements rebuild what was there.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

_SCRIPT = Path(__file__).with_name("leases.lua").read_text(encoding="utf-8")
# The tag of all limits: a call settles many clients, so they must stand in one slot of a Cluster.
_PREFIX = "{limits}:flight:"
_CONNECTIONS_MAX = 2


class Want(NamedTuple):
    """The client's limit, what a process uses of its places, and how many it wants in all (`used` or more)."""

    client: str
    limit: int
    used: int
    wanted: int


class Grant(NamedTuple):
    """The places that the process has from now on, and those of all processes together."""

    places: int
    all_places: int


class Leases(ABC):
    """Where the leases stand."""

    @abstractmethod
    async def settle(self, process: str, wants: Sequence[Want]) -> list[Grant]:
        """What of it is granted, in the same order; each lease begins anew."""


class RedisLeases(Leases):
    """In Redis, by Redis' clock, in one EVALSHA for any number of clients (reloaded on NOSCRIPT)."""

    def __init__(self, url: str, lease_seconds: float, *, timeout_seconds: float = 0.2) -> None:
        """`url` is a Redis URL; nothing is connected before the first question."""
        self._lease_ms = int(lease_seconds * 1000)
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS_MAX,
            timeout=timeout_seconds,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis.from_pool(pool)
        self._script = self._redis.register_script(_SCRIPT)

    async def settle(self, process: str, wants: Sequence[Want]) -> list[Grant]:
        """Raises redis.RedisError or OSError where Redis is away or refuses."""
        numbers = [number for want in wants for number in (want.limit, want.used, want.wanted)]
        keys = [_PREFIX + want.client for want in wants]
        answer = await self._script(keys=keys, args=[process, self._lease_ms, *numbers])
        return [Grant(*pair) for pair in zip(answer[::2], answer[1::2], strict=True)]

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


class MemoryLeases(Leases):
    """The same in one process, for tests and for an installation of one process."""

    def __init__(self, monotonic: Callable[[], float], lease_seconds: float) -> None:
        self._monotonic = monotonic
        self._lease_seconds = lease_seconds
        self._leases: defaultdict[str, dict[str, tuple[int, float]]] = defaultdict(dict)

    async def settle(self, process: str, wants: Sequence[Want]) -> list[Grant]:
        """Never fails."""
        return [self._settle_one(process, want) for want in wants]

    def _settle_one(self, process: str, want: Want) -> Grant:
        now = self._monotonic()
        leases = {each: lease for each, lease in self._leases[want.client].items() if lease[1] > now}
        leases.pop(process, None)
        others = sum(places for places, _ in leases.values())
        granted = max(want.used, min(want.wanted, want.limit - others))
        if granted > 0:
            leases[process] = (granted, now + self._lease_seconds)
        self._leases[want.client] = leases
        return Grant(granted, others + granted)
