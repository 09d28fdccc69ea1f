"""The queue in Redis or Valkey. Everything that changes it is one script; this module only packs, calls and translates.

A shard is named by its hash tag, so that all its keys live on one server of a cluster. The server's own clock counts
every delay and lease.
"""

from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

from redis import exceptions
from redis.asyncio import Redis

from webhooks.queue import records
from webhooks.queue.port import Claim, EpochLost, Finish, Job, Placed, QueuePolicy, QueueUnavailable

_LUA = Path(__file__).parent / "lua"
_NAMES = ("enqueue", "claim", "finish", "renew", "tick")
_TICK_ENTRIES = 500
_SWEEP_KEYS = 500
_EPOCH_LOST = "EPOCHLOST"


class RedisQueue:
    """`webhooks.queue.port.RebuildableQueue` on one server; `redis` must not decode answers."""

    def __init__(self, redis: Redis, policy: QueuePolicy, *, shard: int = 0) -> None:
        self._redis = redis
        self._policy = policy
        self._tag = f"{{tnq{shard}}}"
        self._epoch: bytes | None = None
        common = (_LUA / "common.lua").read_text(encoding="utf-8")
        # A registered script goes by its digest and loads itself again where the server forgot it.
        self._scripts = {
            name: redis.register_script(common + (_LUA / f"{name}.lua").read_text(encoding="utf-8")) for name in _NAMES
        }
        self._open_epoch = redis.register_script((_LUA / "open_epoch.lua").read_text(encoding="utf-8"))

    async def enqueue(self, jobs: Sequence[Job]) -> list[Placed]:
        """See the port."""
        if not jobs:
            return []
        policy = self._policy
        bounds = (policy.lane_cap, policy.lane_window, policy.horizon_seconds * 1000)
        return records.unpack_placed(await self._run("enqueue", records.pack_offers(jobs), *bounds))

    async def claim(self, limit: int) -> list[Claim]:
        """See the port."""
        records.bounded(limit)
        if limit < 1:
            return []
        return records.unpack_claims(await self._run("claim", limit, self._policy.lane_cap, self._lease_ms))

    async def finish(self, finishes: Sequence[Finish]) -> int:
        """See the port."""
        if not finishes:
            return 0
        blob = records.pack_finishes(finishes)
        return int(await self._run("finish", blob, self._policy.lane_cap, self._policy.horizon_seconds * 1000))

    async def renew(self, claims: Sequence[Claim]) -> list[bool]:
        """See the port."""
        if not claims:
            return []
        return records.unpack_held(await self._run("renew", records.pack_renewals(claims), self._lease_ms))

    async def tick(self) -> bool:
        """See the port."""
        return bool(await self._run("tick", _TICK_ENTRIES, self._policy.lane_cap))

    async def wait(self, timeout_seconds: float) -> None:
        """See the port."""
        await _translated(self._redis.blpop([await self._key("wake")], timeout=timeout_seconds))

    async def count(self) -> int:
        """See the port."""
        self._epoch = None
        return int(await _translated(self._redis.hlen(await self._key("jobs"))))

    async def is_lost(self) -> bool:
        """See the port."""
        opened_on = await _translated(self._redis.hget(f"{self._tag}:epoch", "server"))
        return bool(opened_on != (await self._server()).encode())

    async def open_epoch(self, number: int) -> bool:
        """See the port."""
        self._epoch = None
        return bool(await _translated(self._open_epoch(keys=[self._tag], args=[number, await self._server()])))

    async def drop_old_epochs(self) -> int:
        """See the port."""
        present = await self._key("")
        kept = (present, f"{self._tag}:epoch".encode())
        dropped, cursor = 0, 0
        while True:
            cursor, keys = await _translated(self._redis.scan(cursor, match=f"{self._tag}:*", count=_SWEEP_KEYS))
            old = [key for key in keys if not key.startswith(kept)]
            dropped += int(await _translated(self._redis.unlink(*old))) if old else 0
            if cursor == 0:
                return dropped

    @property
    def _lease_ms(self) -> int:
        return int(self._policy.lease_seconds * 1000)

    async def _run(self, name: str, *args: bytes | int) -> Any:
        """Run a script in the epoch that is open; a caller who still names an older one is told the present one."""
        for _ in range(2):
            epoch = self._epoch or await self._read_epoch()
            try:
                return await _translated(self._scripts[name](keys=[self._tag], args=[epoch, *args]))
            except EpochLost:
                self._epoch = None
        raise EpochLost

    async def _read_epoch(self) -> bytes:
        found = await _translated(self._redis.hget(f"{self._tag}:epoch", "number"))
        if found is None:
            raise EpochLost
        self._epoch = found
        return bytes(found)

    async def _key(self, name: str) -> bytes:
        epoch = self._epoch or await self._read_epoch()
        return f"{self._tag}:".encode() + epoch + f":{name}".encode()

    async def _server(self) -> str:
        """What changes when the server is another process, or follows another one's data."""
        server = await _translated(self._redis.info("server"))
        replication = await _translated(self._redis.info("replication"))
        return f"{server['run_id']} {replication['master_replid']}"


async def _translated(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except exceptions.ResponseError as error:
        if _EPOCH_LOST in str(error):
            raise EpochLost from None
        raise QueueUnavailable(str(error)) from error
    except (exceptions.RedisError, OSError) as error:
        raise QueueUnavailable(type(error).__name__) from error
