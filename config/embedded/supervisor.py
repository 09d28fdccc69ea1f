"""The embedded servers together: one lock, one password, two children."""

import asyncio
import fcntl
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from config.embedded.binaries import find_postgres, find_valkey
from config.embedded.postgres import Postgres
from config.embedded.process.account import unprivileged
from config.embedded.process.child import ServerFailed
from config.embedded.server import Place
from config.embedded.valkey import Valkey


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedUrls:
    """Where the servers answer, passwords included."""

    database_url: str
    redis_url: str


class EmbeddedServers:
    """PostgreSQL and Valkey under one folder, living no longer than this process.

        servers = EmbeddedServers(Path("var/embedded"))
        urls = await servers.start()
        …  # while it is awaited, servers.supervise() starts again what dies
        await servers.stop()

    Call it from the main thread: the kernel ties the children's lives to the thread that starts them.
    """

    def __init__(self, state: Path, *, environment: Mapping[str, str] | None = None, durable: bool = True) -> None:
        """`environment` may name the servers' programs (config/embedded/binaries.py)."""
        self._state = state.absolute()
        self._environment = environment
        self._durable = durable
        self._lock: IO[str] | None = None
        self._servers: tuple[Postgres, Valkey] | None = None

    @property
    def urls(self) -> EmbeddedUrls:
        """Where they answer now."""
        postgres, valkey = self._both()
        return EmbeddedUrls(database_url=postgres.url, redis_url=valkey.url)

    def pids(self) -> dict[str, int]:
        """Name → process id of what runs."""
        servers = {"postgres": self._both()[0], "redis": self._both()[1]}
        return {name: server.pid for name, server in servers.items() if server.pid is not None}

    async def start(self) -> EmbeddedUrls:
        """Start both and wait until both answer.

        Raises NoServer where a program is missing, ServerFailed where one does not start or the folder is in use.
        """
        self._state.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._lock = _lock(self._state)
        self._servers = self._build()
        try:
            await asyncio.gather(*(server.start() for server in self._servers))
        except BaseException:
            await self.stop()
            raise
        return self.urls

    async def supervise(self) -> None:
        """Until both are stopped: start a server again when it ends, where it was and with what it had committed."""
        async with asyncio.TaskGroup() as group:
            for server in self._both():
                group.create_task(server.keep_running())

    async def stop(self) -> None:
        """Stop both cleanly and give the folder back."""
        if self._servers is not None:
            await asyncio.gather(*(server.stop() for server in self._servers))
        if self._lock is not None:
            self._lock.close()

    def kill_postgres(self) -> None:
        """`kill -9`, for tests."""
        self._both()[0].kill()

    def kill_valkey(self) -> None:
        """`kill -9`, for tests."""
        self._both()[1].kill()

    async def restart_postgres(self) -> None:
        """Start it again on the same port if that is free, after a clean stop if it still runs."""
        await self._both()[0].restart()

    async def restart_valkey(self) -> None:
        """Start it again, empty."""
        await self._both()[1].restart()

    def _both(self) -> tuple[Postgres, Valkey]:
        if self._servers is None:
            raise RuntimeError("the servers were not started")
        return self._servers

    def _build(self) -> tuple[Postgres, Valkey]:
        place = Place(state=self._state, account=unprivileged(self._state), password=_password(self._state))
        postgres = Postgres(place, find_postgres(self._environment), durable=self._durable)
        return postgres, Valkey(place, find_valkey(self._environment))


def _lock(state: Path) -> IO[str]:
    """Held until stopped or dead. Raises ServerFailed where another process holds it."""
    lock = (state / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise ServerFailed(f"{state} is in use by another run in this checkout: stop that one first") from None
    return lock


def _password(state: Path) -> str:
    """Made once per checkout; both servers ask for it, so that other users of this machine stay outside."""
    path = state / "password"
    if not path.exists():
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(24))
    return path.read_text(encoding="ascii")
