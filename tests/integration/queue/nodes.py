"""A real cluster of three nodes, each a process of the embedded server on ports of its own."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

from config.embedded import ports
from config.embedded.binaries import find_valkey
from config.embedded.server import Place
from config.embedded.valkey import Valkey

_SLOTS = 16_384
_PASSWORD = "cluster"
_FORMED_SECONDS_MAX = 20


class Node(Valkey):
    """One node. It keeps its place in the cluster over a restart, and none of its data."""

    def _configuration(self) -> bytes:
        bus = ports.choose(self.file("bus"))
        lines = (
            "cluster-enabled yes",
            f"cluster-port {bus}",
            "cluster-config-file nodes.conf",
            "cluster-node-timeout 1000",
            "cluster-require-full-coverage no",
        )
        return super()._configuration() + "\n".join(lines).encode() + b"\n"

    @property
    def bus_port(self) -> int:
        """Where the other nodes reach it."""
        return ports.remembered(self.file("bus"))

    def client(self) -> Redis:
        """A plain client of this node."""
        return Redis.from_url(self.url)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Nodes that hold a third of the slots each."""

    nodes: list[Node]

    @property
    def url(self) -> str:
        """Any node tells of the others."""
        return self.nodes[0].url

    async def start(self) -> None:
        """Start the nodes, let them meet, and wait until all agree."""
        for node in self.nodes:
            await node.start()
        for number, node in enumerate(self.nodes):
            async with node.client() as client:
                bounds = [_SLOTS * part // len(self.nodes) for part in (number, number + 1)]
                await client.execute_command("CLUSTER", "ADDSLOTSRANGE", bounds[0], bounds[1] - 1)
                for other in self.nodes[:number]:
                    await client.execute_command("CLUSTER", "MEET", ports.LOOPBACK, other.port, other.bus_port)
        await self.agreed()

    async def stop(self) -> None:
        """Stop them all."""
        for node in self.nodes:
            await node.stop()

    async def flush(self) -> None:
        """Every node loses what it holds."""
        for node in self.nodes:
            async with node.client() as client:
                await client.flushall()

    async def agreed(self) -> None:
        """Wait until every node sees all slots served."""
        deadline = time.monotonic() + _FORMED_SECONDS_MAX
        for node in self.nodes:
            async with node.client() as client:
                while not await self._is_whole(client):
                    assert time.monotonic() < deadline, "the nodes did not form a cluster"
                    await asyncio.sleep(0.05)

    async def _is_whole(self, client: Redis) -> bool:
        info = (await client.execute_command("CLUSTER", "INFO")).decode().split()
        return {"cluster_state:ok", f"cluster_slots_ok:{_SLOTS}", f"cluster_known_nodes:{len(self.nodes)}"} <= set(info)


@contextmanager
def running_cluster(count: int = 3) -> Iterator[Cluster]:
    """A cluster that answers; nothing of it outlives the block."""
    folder = Path(tempfile.mkdtemp(prefix="threadneedle-cluster-"))
    program = find_valkey()
    nodes = []
    for number in range(count):
        state = folder / str(number)
        state.mkdir()
        nodes.append(Node(Place(state=state, account=None, password=_PASSWORD), program))
    cluster = Cluster(nodes)
    try:
        asyncio.run(cluster.start())
        yield cluster
    finally:
        asyncio.run(cluster.stop())
        shutil.rmtree(folder)
