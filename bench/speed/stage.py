"""What a measurement runs on: servers, bank, receiver and the system, all on this machine's loopback."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from bench.faults.processes import pids_of
from bench.load.api import Api
from bench.load.register import register
from bench.load.scene import Lane, Scene
from bench.process import Process, free_port
from bench.speed.caller import Order
from bench.speed.cpu import cpu_seconds, with_children
from bench.target import RunFile, Target, fill, pick

_START_SECONDS_MAX = 90.0
ROLES = ("gateway", "dispatcher", "worker")


class Stage:
    """Everything started and one partner registered. Use `opened`."""

    def __init__(self, folder: Path, target: Target, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._target = target
        self._environment = environment
        self._processes: list[Process] = []
        self._servers_file = RunFile(folder / "servers" / target.start.servers_file)
        self._run_file = RunFile(folder / "system" / target.start.run_file)
        self._bank: dict[str, Any] = {}
        self.receiver = ""
        self.scene: Scene
        self.api: Api

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, folder: Path, lanes: tuple[Lane, ...], environment: Mapping[str, str] | None = None
    ) -> AsyncIterator["Stage"]:
        """Start all, register the lanes, and end all afterwards. Raises NotStarted or NotAnswered."""
        stage = cls(folder, Target.load(), environment or {})
        shutil.rmtree(folder, ignore_errors=True)
        try:
            async with aiohttp.ClientSession() as session:
                await stage._start(session, lanes)
                yield stage
        finally:
            for process in reversed(stage._processes):
                await process.stop()

    def read(self) -> dict[str, Any]:
        """Where system and bank listen."""
        return self._run_file.read() | self._bank

    def url(self, path: str) -> str:
        """A URL of the API."""
        return str(self.read()[self._target.servers["api"]]) + path

    @property
    def bank_url(self) -> str:
        """Where the bank's simulator listens."""
        return str(self._bank["bank_url"])

    @property
    def bank_token(self) -> str:
        """What the simulator takes for authentication."""
        return str(self._bank["bank_token"])

    @property
    def database_url(self) -> str:
        """Where PostgreSQL listens."""
        return str(self._servers_file.read()["database_url"])

    def pids(self, role: str) -> list[int]:
        """Of a role, or of `postgres` (all its processes) or `redis`."""
        if role in ROLES:
            return pids_of(self._run_file, role)
        found = pids_of(self._servers_file, role)
        return [pid for each in found for pid in with_children(each)] if role == "postgres" else found

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each part up to now."""
        return {name: cpu_seconds(self.pids(name)) for name in (*ROLES, "postgres", "redis")}

    async def headers(self) -> dict[str, str]:
        """What a call to the API carries."""
        token = await self.api.token()
        return {"authorization": f"Bearer {token}", "content-type": "application/json"}

    async def post(self, path: str) -> None:
        """A call to the API without a body. Raises RuntimeError for what is refused."""
        headers = await self.headers()
        async with aiohttp.ClientSession() as session, session.post(self.url(path), headers=headers) as answer:
            if answer.status >= 300:
                raise RuntimeError(f"{path}: {answer.status} {await answer.text()}")

    async def found(self) -> dict[str, Any]:
        """What came to the receiver since `forget`."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.receiver}/found") as answer:
            return dict(orjson.loads(await answer.read()))

    async def forget(self) -> None:
        """Let the receiver count anew."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.receiver}/reset"):
            pass

    async def _start(self, session: aiohttp.ClientSession, lanes: tuple[Lane, ...]) -> None:
        start, ports = self._target.start, {"gateway_port": free_port(), "admin_port": free_port()}
        await self._launch("servers", fill(start.servers, {"state": str(self._folder / "servers")}))
        await self._until("servers", lambda: bool(self._servers_file.read()))
        bank = await self._launch("bank", fill(start.bank, {**ports, "bank_port": free_port()}))
        await self._until("bank", lambda: b"\n" in bank.log.read_bytes())
        kept = orjson.loads(bank.log.read_bytes().splitlines()[0])
        self._bank = {name: pick(kept, path) for name, path in start.bank_keep.items()}
        self._bank["bank_proxy_url"] = self._bank["bank_url"]
        self.receiver = await self._port_of("receiver", ["-m", "bench.speed.receiver"])
        values = {"state": str(self._folder / "system"), **ports}
        environment = {name: str(fill(text, values)) for name, text in start.environment.items()} | dict(
            self._environment
        )
        stores = {name.upper(): self._servers_file.read()[name] for name in ("database_url", "redis_url")}
        await self._launch("system", fill(start.system, values), environment | stores)
        await self._until("system", lambda: all(self.pids(role) for role in ROLES))
        self.api = Api(self._target, self, session)
        self.scene = await register(self.api, self._target, lanes, {"run": "speed", **self.read()}, self.receiver)

    async def ceiling(self) -> str:
        """The URL of a bare server that is started now."""
        return await self._port_of("ceiling", ["-m", "bench.speed.ceilings", "server"])

    def pid_of(self, name: str) -> int:
        """Of one of our own tools."""
        return next(process.pid for process in self._processes if process.log.stem == name)

    async def _port_of(self, name: str, arguments: list[str]) -> str:
        tool = await self._launch(name, arguments)
        await self._until(name, lambda: b"\n" in tool.log.read_bytes())
        return f"http://127.0.0.1:{tool.log.read_text().split()[0]}"

    async def _launch(self, name: str, arguments: list[str], environment: Mapping[str, str] | None = None) -> Process:
        process = Process(arguments, self._folder / f"{name}.log", environment)
        self._processes.append(process)
        await process.start()
        return process

    async def _until(self, name: str, true: Any) -> None:
        process = next(each for each in self._processes if each.log.stem == name)
        await process.ready(true, _START_SECONDS_MAX)


async def run_tool(arguments: list[str], said: bytes = b"") -> dict[str, Any]:
    """One of our own tools, to its end; the JSON that it printed. Raises RuntimeError with its last words."""
    tool = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, wrong = await tool.communicate(said)
    if tool.returncode:
        raise RuntimeError(wrong.decode()[-2000:])
    return dict(orjson.loads(told))


async def call(order: Order) -> dict[str, Any]:
    """Let the generator carry out an order."""
    return await run_tool(["-m", "bench.speed.caller"], order.model_dump_json().encode())
