"""Everything that runs during one seed: servers, proxies, bank, receivers, system, load."""

import os
import shutil
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bench.chaos.options import Options
from bench.chaos.system import ROLES, System
from bench.faults.disk import SmallDisk
from bench.faults.processes import pids_of, resident_bytes
from bench.faults.proxy import Proxy
from bench.faults.tap import OrderTap
from bench.lines import Lines
from bench.process import Process, free_port
from bench.target import RunFile, Target, fill, pick

_SERVERS_SECONDS_MAX = 60.0
_LOAD_SECONDS_EXTRA = 300.0


class Stage:
    """Starts things in order and ends them in reverse, however it comes to that. Files: `<state>/<seed>/`."""

    def __init__(self, options: Options, target: Target, seed: int) -> None:
        self.folder = options.state / str(seed)
        self._target = target
        self._options = options
        self._seed = seed
        self.disk = SmallDisk(self.folder / "servers" / target.start.disk)
        self.servers_file = RunFile(self.folder / "servers" / target.start.servers_file)
        self.bank: dict[str, Any] = {}
        self.proxies = {
            "postgres": Proxy(lambda: _host_and_port(self.servers_file.read().get("database_url"))),
            "redis": Proxy(lambda: _host_and_port(self.servers_file.read().get("redis_url"))),
        }
        tap = OrderTap(target.books, Lines(self.folder / "orders.jsonl")) if target.books is not None else None
        self.proxies["bank"] = Proxy(lambda: _host_and_port(self.bank.get("bank_url")), tap)
        self._ports = {"gateway_port": free_port(), "admin_port": free_port()}
        self._ends = AsyncExitStack()
        self.system = System(target.start, self.folder, self._ports, self._stores_of_system)
        self.run_file = self.system.run_file

    async def raise_curtain(self, skew_seconds: int) -> None:
        """Start all but the load. Raises NotStarted."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        if os.geteuid() == 0:
            await (await self._start_servers()).stop()
            self._ends.push_async_callback(self.disk.unmount)
            await self.disk.mount()
            self.servers_file.path.unlink()
        await self._start_servers()
        for proxy in self.proxies.values():
            self._ends.push_async_callback(proxy.close)
            await proxy.start()
        await self._start_bank()
        self._ends.push_async_callback(self.system.end)
        await self.system.start(skew_seconds)

    async def lower_curtain(self) -> None:
        """End everything that was started; what cannot be ended keeps nothing else from its end."""
        await self._ends.aclose()

    async def start_process(self, name: str, arguments: list[str]) -> Process:
        """One of our own tools."""
        process = Process(arguments, self.folder / f"{name}.log")
        self._ends.push_async_callback(process.stop)
        await process.start()
        return process

    async def receivers(self) -> str:
        """Start the receivers; their base URL."""
        port_file = self.folder / "receivers.port"
        arguments = ["-m", "bench.receivers", "--target", str(self._options.target), "--port-file", str(port_file)]
        process = await self.start_process("receivers", [*arguments, "--log", str(self.folder / "posts.jsonl")])
        await process.ready(lambda: port_file.exists() and bool(port_file.read_text()), _SERVERS_SECONDS_MAX)
        return f"http://127.0.0.1:{port_file.read_text()}"

    async def load(self) -> Process:
        """Start the generator."""
        options = self._options
        arguments = {
            "--target": options.target,
            "--run-file": self.run_file.path,
            "--scene": self.folder / "scene.json",
            "--log": self.folder / "requests.jsonl",
            "--seed": self._seed,
            "--seconds": options.seconds + _LOAD_SECONDS_EXTRA,
            "--events-per-second": options.events_per_second,
            "--payments-per-second": options.payments_per_second,
        }
        words = [str(word) for pair in arguments.items() for word in pair]
        return await self.start_process("load", ["-m", "bench.load", *words])

    async def postgres_answers(self) -> bool:
        """Whether PostgreSQL takes a statement, asked directly."""
        try:
            connection = await asyncpg.connect(self.servers_file.read()["database_url"], timeout=2)
            try:
                await connection.fetchval("SELECT 1", timeout=2)
            finally:
                connection.terminate()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, KeyError):
            return False
        return True

    async def redis_answers(self) -> bool:
        """Whether Redis answers, asked directly."""
        try:
            async with Redis.from_url(self.redis_url(), socket_timeout=2) as redis:
                return bool(await redis.ping())
        except (RedisError, OSError, KeyError):
            return False

    def read(self) -> dict[str, Any]:
        """Where system and bank listen now."""
        return self.run_file.read() | self.bank

    def redis_url(self) -> str:
        """Where Redis listens itself."""
        return str(self.servers_file.read()["redis_url"])

    def memory_bytes(self) -> dict[str, int]:
        """Resident memory of each role's processes together."""
        return {role: sum(map(resident_bytes, pids_of(self.run_file, role))) for role in ROLES}

    async def _start_servers(self) -> Process:
        arguments = fill(self._target.start.servers, {"state": str(self.folder / "servers")})
        servers = await self.start_process("servers", arguments)
        await servers.ready(lambda: bool(self.servers_file.read()), _SERVERS_SECONDS_MAX)
        return servers

    async def _start_bank(self) -> None:
        values = {**self._ports, "bank_port": free_port()}
        bank = await self.start_process("bank", fill(self._target.start.bank, values))
        await bank.ready(lambda: bool(_json_line(bank.log)), _SERVERS_SECONDS_MAX)
        kept = _json_line(bank.log)
        self.bank = {name: pick(kept, path) for name, path in self._target.start.bank_keep.items()}
        self.bank["bank_proxy_url"] = f"http://127.0.0.1:{self.proxies['bank'].port}"

    def _stores_of_system(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self._through_proxy("postgres", "database_url"),
            "REDIS_URL": self._through_proxy("redis", "redis_url"),
        }

    def _through_proxy(self, server: str, url: str) -> str:
        parts = urlsplit(str(self.servers_file.read()[url]))
        user = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{self.proxies[server].port}", query=""))


def _host_and_port(url: str | None) -> tuple[str, int]:
    """Raises ConnectionRefusedError while no server is known."""
    parts = urlsplit(url or "")
    if not parts.hostname or not parts.port:
        raise ConnectionRefusedError
    return parts.hostname, parts.port


def _json_line(log: Path) -> dict[str, Any]:
    """The first whole line of JSON of a process' output, or nothing."""
    for line in log.read_bytes().splitlines(keepends=True) if log.exists() else []:
        if line.startswith(b"{") and line.endswith(b"\n"):
            return dict(orjson.loads(line))
    return {}
