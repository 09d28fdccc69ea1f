"""Redis that forgets: everything, or its last second. These reach it directly, not through the proxy."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bench.faults.fault import SkippedFault

_LOST_SECONDS = 1.0
_KEYS_MAX = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """FLUSHALL, with the scripts too, while it goes on running."""

    url: Callable[[], str]
    kind: str = "redis flushall"

    async def strike(self) -> float:
        """At once."""
        async with Redis.from_url(self.url(), socket_timeout=5) as redis:
            try:
                await redis.flushall()
                await redis.script_flush()
            except (RedisError, OSError) as error:
                raise SkippedFault("Redis did not answer") from error
        return time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewind:
    """A failover to a replica that lagged: what was written in the last second is gone, what was removed is back.

    The replication id changes with it, as it does in a failover.
    """

    url: Callable[[], str]
    kind: str = "redis loses its last second"

    async def strike(self) -> float:
        """Remember everything, wait a second, put that back in one transaction."""
        async with Redis.from_url(self.url(), socket_timeout=10) as redis:
            try:
                kept = await _dump(redis)
                await asyncio.sleep(_LOST_SECONDS)
                await _restore(redis, kept)
            except (RedisError, OSError) as error:
                raise SkippedFault("Redis did not answer") from error
        return time.monotonic()


async def _dump(redis: Any) -> list[tuple[bytes, int, bytes]]:
    keys = [key async for key in redis.scan_iter(count=1000)]
    if len(keys) > _KEYS_MAX:
        raise SkippedFault("too many keys to remember")
    async with redis.pipeline(transaction=True) as pipe:
        for key in keys:
            pipe.dump(key)
            pipe.pttl(key)
        answers = await pipe.execute()
    pairs = zip(keys, answers[::2], answers[1::2], strict=True)
    return [(key, max(ttl, 0), value) for key, value, ttl in pairs if value is not None]


async def _restore(redis: Any, kept: list[tuple[bytes, int, bytes]]) -> None:
    async with redis.pipeline(transaction=True) as pipe:
        pipe.execute_command("REPLICAOF", "127.0.0.1", "1")
        pipe.execute_command("REPLICAOF", "NO", "ONE")
        pipe.flushall()
        for key, ttl, value in kept:
            pipe.restore(key, ttl, value, replace=True)
        await pipe.execute()
