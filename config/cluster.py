"""A cluster of Redis or Valkey as plain clients of its nodes, each asked only for what it holds.

The driver's own cluster client closes connections under its other callers when one of them meets an error, and makes
them fail with it. A queue's shard lives in one slot, so all that it needs is to know the node of that slot.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import ClusterDownError, ConnectionError, MovedError, RedisError, TimeoutError  # noqa: A004

_Address = tuple[str, int]
Connect = Callable[[_Address | None], Redis]


class ClusterNodes:
    """`connect` makes a client of an address, or of the one that the settings name. Answers are bytes."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._seed = connect(None)
        self._clients: dict[_Address, Redis] = {}
        self._turn = asyncio.Lock()

    @property
    def seed(self) -> Redis:
        """The node that the settings name."""
        return self._seed

    def shard(self, tag: str) -> "ClusterShard":
        """What runs commands on the keys of a hash tag."""
        return ClusterShard(self, key_slot(tag.encode()))

    async def clients(self) -> list[Redis]:
        """A client of every node that serves slots. Raises what the driver raises where no node can be asked."""
        return [await self._client(address) for address in {row[2] for row in await self._slots()}]

    async def client_of(self, slot: int) -> Redis:
        """A client of the node that serves a slot. Raises ClusterDownError if none does."""
        for first, last, address in await self._slots():
            if first <= slot <= last:
                return await self._client(address)
        raise ClusterDownError("CLUSTERDOWN no node serves the slot")

    async def close(self) -> None:
        """Close every client."""
        for client in (self._seed, *self._clients.values()):
            await client.aclose()

    async def _client(self, address: _Address) -> Redis:
        if address not in self._clients:
            self._clients[address] = self._connect(address)
        return self._clients[address]

    async def _slots(self) -> list[tuple[int, int, _Address]]:
        """Which node serves which slots, by the first node that says so. One asks at a time."""
        failure: Exception = ClusterDownError("CLUSTERDOWN no node")
        async with self._turn:
            for client in (self._seed, *self._clients.values()):
                try:
                    return await _slots_by(client)
                except (RedisError, OSError) as error:
                    failure = error
        raise failure


async def _slots_by(client: Redis) -> list[tuple[int, int, _Address]]:
    rows = await client.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]
    # A node that was not told its own name gives none: it is the one that was asked.
    asked: str = client.connection_pool.connection_kwargs.get("host", "")
    return [(row[0], row[1], (row[2][0].decode() or asked, row[2][1])) for row in rows]


class ClusterShard:
    """Runs commands on the node that holds a slot, and finds it anew where it moved or was lost."""

    def __init__(self, nodes: ClusterNodes, slot: int) -> None:
        self._nodes = nodes
        self._slot = slot
        self._client: Redis | None = None

    async def execute_command(self, *arguments: Any) -> Any:
        """As `Redis.execute_command`; raises what it raises."""
        try:
            return await self._execute(*arguments)
        except MovedError:
            self._client = None
            return await self._execute(*arguments)

    async def _execute(self, *arguments: Any) -> Any:
        client = self._client = self._client or await self._nodes.client_of(self._slot)
        try:
            return await client.execute_command(*arguments)  # type: ignore[no-untyped-call]
        except (ConnectionError, TimeoutError, ClusterDownError):
            self._client = None
            raise
