"""PostgreSQL and Redis of a local installation: those that the environment names, or embedded ones."""

import asyncio
import os
from pathlib import Path
from typing import Protocol

from config.embedded.supervisor import EmbeddedServers


class Stores(Protocol):
    """Where the two stores are, and what keeps them there."""

    async def start(self) -> dict[str, str]:
        """DATABASE_URL and REDIS_URL."""
        ...

    async def keep(self) -> None:
        """Until cancelled: restart what dies."""
        ...

    async def stop(self) -> None:
        """Stop what was started here."""
        ...

    def pids(self) -> dict[str, list[int]]:
        """The servers' process ids, where they are ours."""
        ...


class GivenStores:
    """Servers that run already."""

    async def start(self) -> dict[str, str]:
        """Their URLs as given."""
        return {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}

    async def keep(self) -> None:
        """Somebody else keeps them."""
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """Somebody else stops them."""

    def pids(self) -> dict[str, list[int]]:
        """They are not ours."""
        return {}


class EmbeddedStores:
    """Servers of our own under the state folder."""

    def __init__(self, state: Path) -> None:
        self._servers = EmbeddedServers(state / "embedded")

    async def start(self) -> dict[str, str]:
        """Start both and wait until both answer."""
        urls = await self._servers.start()
        return {"DATABASE_URL": urls.database_url, "REDIS_URL": urls.redis_url}

    async def keep(self) -> None:
        """Until cancelled: restart what dies, on its port and with what it had committed."""
        await self._servers.supervise()

    async def stop(self) -> None:
        """Stop both cleanly."""
        await self._servers.stop()

    def pids(self) -> dict[str, list[int]]:
        """Name → process id of what runs."""
        return {name: [pid] for name, pid in self._servers.pids().items()}


def choose_stores(state: Path, *, embedded: bool) -> Stores:
    """Embedded servers if asked for. Raises KeyError where neither they nor both URLs are there."""
    return EmbeddedStores(state) if embedded else GivenStores()
