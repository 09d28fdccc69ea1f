"""The queue in Redis or Valkey. Everything that changes it is one script; this module only packs, calls and translates.

A shard is named by its hash tag, which is the one key that a call declares: the scripts derive the others from it, so
all of them live on one server, of a cluster as well. The server's own clock counts every delay and lease.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from secrets import token_hex
from typing import Any, Protocol

from redis import exceptions

from webhooks.queue import records
from webhooks.queue.port import Claim, EpochLost, Finish, Job, Lane, Placed, QueuePolicy, QueueUnavailable
from webhooks.queue.scripts import load_scripts

_TICK_ENTRIES = 500
_SWEEP_KEYS = 500
_EPOCH_LOST = "EPOCHLOST"
_WAIT_SECONDS_MIN = 0.001


class Server(Protocol):
    """A client of one server (`redis.asyncio.Redis`), or of a shard's node in a cluster. Answers are bytes."""

    def execute_command(self, *args: Any) -> Awaitable[Any]:
        """Run a command; raises what the driver raises."""
        ...


def shard_tag(shard: int) -> str:
    """What stands at the beginning of each of a shard's keys."""
    return f"{{tnq{shard}}}"


class RedisQueue:
    """`webhooks.queue.port.RebuildableQueue` on one server.

    It is shard number `shard` of `shards`: an epoch that was opened for another count of shards is lost. A client whose
    calls share one connection needs another one beside it for `wait`, which would hold up all others.
    """

    def __init__(
        self, redis: Server, policy: QueuePolicy, *, waiting: Server | None = None, shard: int = 0, shards: int = 1
    ) -> None:
        self._redis = redis
        self._waiting = waiting or redis
        self._policy = policy
        self._shards = shards
        self._tag = shard_tag(shard)
        self._epoch: bytes | None = None
        self._scripts = load_scripts()
        self._parked_ms = -1
        # Calls have numbers, so that the server can tell an answer that never arrived from one that did.
        self._claimer = token_hex(8).encode()
        self._turn = asyncio.Lock()
        self._calls = self._heard = 0

    async def enqueue(self, jobs: Sequence[Job]) -> list[Placed]:
        """See the port."""
        if not jobs:
            return []
        bounds = (self._policy.lane_window, self._policy.horizon_seconds * 1000)
        return records.unpack_placed(await self._run("enqueue", records.pack_offers(jobs), *bounds))

    async def claim(self, limit: int) -> list[Claim]:
        """See the port. What an answer held that got lost is given out again at once, not after its lease."""
        records.bounded(limit)
        if limit < 1:
            return []
        async with self._turn:
            self._calls += 1
            number = self._calls
            about = (self._claimer, number, self._heard)
            blob, self._parked_ms = await self._run("claim", limit, self._lease_ms, *about)
            if blob:
                self._heard = number
        return records.unpack_claims(blob)

    async def finish(self, finishes: Sequence[Finish]) -> int:
        """See the port."""
        if not finishes:
            return 0
        return int(await self._run("finish", records.pack_finishes(finishes), self._policy.horizon_seconds * 1000))

    async def configure(self, lanes: Sequence[Lane]) -> None:
        """See the port."""
        if lanes:
            await self._run("configure", records.pack_lanes(lanes))

    async def renew(self, claims: Sequence[Claim]) -> list[bool]:
        """See the port."""
        if not claims:
            return []
        return records.unpack_held(await self._run("renew", records.pack_renewals(claims), self._lease_ms))

    async def tick(self) -> bool:
        """See the port."""
        return bool(await self._run("tick", _TICK_ENTRIES))

    async def wait(self, timeout_seconds: float) -> None:
        """See the port. A lane that is parked ends the wait when its time comes, as the last claim was told."""
        if self._parked_ms >= 0:
            timeout_seconds = min(timeout_seconds, self._parked_ms / 1000)
        wake = await self._key("wake")
        # A timeout of zero would be none.
        await _translated(self._waiting.execute_command("BLPOP", wake, max(timeout_seconds, _WAIT_SECONDS_MIN)))

    async def count(self) -> int:
        """See the port."""
        self._epoch = None
        return int(await _translated(self._redis.execute_command("HLEN", await self._key("jobs")))) - 1

    async def is_lost(self) -> bool:
        """See the port."""
        return bool(await self._call("is_lost", self._shards))

    async def open_epoch(self, number: int) -> bool:
        """See the port."""
        self._epoch = None
        return bool(await self._call("open", number, self._shards))

    async def drop_old_epochs(self) -> int:
        """See the port."""
        dropped, cursor = 0, b""
        while cursor != b"0":
            cursor, removed = await self._call("drop", cursor or b"0", _SWEEP_KEYS)
            dropped += int(removed)
        return dropped

    @property
    def _lease_ms(self) -> int:
        return int(self._policy.lease_seconds * 1000)

    async def _run(self, name: str, *args: bytes | int) -> Any:
        """Run a command in the epoch that is open; a caller who still names an older one is told the present one."""
        for _ in range(2):
            epoch = self._epoch or await self._read_epoch()
            try:
                return await self._call(name, epoch, self._policy.lane_cap, *args)
            except EpochLost:
                self._epoch = None
        raise EpochLost

    async def _call(self, name: str, *args: bytes | int) -> Any:
        """Run a script by its digest; a server that does not know it is given it."""
        script = self._scripts[name]
        try:
            return await _translated(self._redis.execute_command("EVALSHA", script.digest, 1, self._tag, *args))
        except exceptions.NoScriptError:
            return await _translated(self._redis.execute_command("EVAL", script.text, 1, self._tag, *args))

    async def _read_epoch(self) -> bytes:
        found = await _translated(self._redis.execute_command("HGET", f"{self._tag}:epoch", "name"))
        if found is None or not found.endswith(b".%d" % self._shards):
            raise EpochLost
        self._epoch = found
        return bytes(found)

    async def _key(self, name: str) -> bytes:
        epoch = self._epoch or await self._read_epoch()
        return f"{self._tag}:".encode() + epoch + f":{name}".encode()


async def _translated(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except exceptions.NoScriptError:
        raise
    except exceptions.ResponseError as error:
        if _EPOCH_LOST in str(error):
            raise EpochLost from None
        raise QueueUnavailable(str(error)) from error
    except (exceptions.RedisError, OSError) as error:
        raise QueueUnavailable(type(error).__name__) from error
