"""What a measurement runs on: servers, bank, receivers and the system, all on this machine's loopback."""

import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import orjson

from bench.faults.processes import pids_of
from bench.load.api import Api
from bench.load.register import register
from bench.load.scene import Lane
from bench.process import Process, free_port
from bench.speed.staging.certificate import write_certificate
from bench.speed.staging.party import Party, Receiver
from bench.speed.staging.processes import cpu_seconds, memory_mib, with_children
from bench.target import RunFile, Target, fill, pick

_START_SECONDS_MAX = 90.0
ROLES = ("gateway", "dispatcher", "worker")
SERVERS = ("postgres", "redis")


class Stage:
    """Everything started. Use `opened`."""

    def __init__(self, folder: Path, session: aiohttp.ClientSession, exits: AsyncExitStack) -> None:
        self._folder = folder
        self._session = session
        self._exits = exits
        self._target = Target.load()
        self._servers_file = RunFile(folder / "servers" / self._target.start.servers_file)
        self._run_file = RunFile(folder / "system" / self._target.start.run_file)
        self._bank: dict[str, Any] = {}
        self._beside: dict[str, Any] = {}
        self._environment: dict[str, str] = {}
        self._more: dict[str, list[Process]] = {}
        self._certificate = folder / "receiver.pem"
        self.start_seconds = 0.0

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path, environment: Mapping[str, str] | None = None) -> AsyncIterator["Stage"]:
        """Start all, and end all afterwards, whatever happens. Raises NotStarted or NotAnswered."""
        shutil.rmtree(folder, ignore_errors=True)
        async with AsyncExitStack() as exits:
            session = await exits.enter_async_context(aiohttp.ClientSession())
            stage = cls(folder, session, exits)
            write_certificate(stage._certificate)
            await stage._start(environment or {})
            yield stage

    def read(self) -> dict[str, Any]:
        """Where system and bank listen."""
        return self._run_file.read() | self._bank

    def url(self, path: str) -> str:
        """A URL of the API."""
        return str(self.read()[self._target.servers["api"]]) + path

    @property
    def bank(self) -> tuple[str, str]:
        """Where the simulator beside the system listens, which knows nothing of it, and the token that it takes."""
        return str(self._beside["bank_url"]), str(self._beside["bank_token"])

    def pids(self, name: str) -> list[int]:
        """Of a role, with those that were started besides, or of `postgres` (all its processes) or `redis`."""
        if name in ROLES:
            return [*pids_of(self._run_file, name), *(each.pid for each in self._more.get(name, ()) if each.running)]
        found = pids_of(self._servers_file, name)
        return [pid for each in found for pid in with_children(each)] if name == "postgres" else found

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each part up to now."""
        return {name: cpu_seconds(self.pids(name)) for name in (*ROLES, *SERVERS)}

    def memory(self) -> dict[str, float]:
        """Mebibytes of each part at this moment."""
        return {name: memory_mib(self.pids(name)) for name in (*ROLES, *SERVERS)}

    async def wal_bytes(self) -> int:
        """How much PostgreSQL has logged up to now."""
        connection = await asyncpg.connect(self.read()["database_url"])
        try:
            return int(await connection.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"))
        finally:
            await connection.close()

    async def post(self, party: Party, path: str) -> None:
        """A call to the API without a body. Raises RuntimeError for what is refused."""
        async with self._session.post(self.url(path), headers=await party.headers()) as answer:
            if answer.status >= 300:
                raise RuntimeError(f"{path}: {answer.status} {await answer.text()}")

    async def party(self, lanes: Sequence[Lane], *, tls: bool = False) -> Party:
        """A new partner whose lanes lead to a receiver of its own."""
        name = f"receiver-{free_port()}"
        arguments = ["-m", "bench.speed.tools.receiver", *([self._certificate] if tls else [])]
        process, port = await self.tool(name, arguments)
        receiver = Receiver(
            url=f"{'https' if tls else 'http'}://127.0.0.1:{port}",
            pid=process.pid,
            authority=self._certificate if tls else None,
        )
        api = Api(self._target, self, self._session)
        scene = await register(api, self._target, lanes, {"run": name, **self.read()}, receiver.url)
        return Party(api=api, lanes=scene.lanes, receiver=receiver)

    async def limited_token(self, name: str, rate: int) -> str:
        """The token of a new partner's client that may publish so many events a second."""
        call = self._target.limit_client
        if call is None:
            raise RuntimeError("the target does not say how clients are limited")
        api = Api(self._target, self, self._session)
        scene = await register(api, self._target, (), {"run": name, **self.read()}, "")
        values = {"partner": scene.partner, "client_id": scene.client_id, "rate": rate, **self.read()}
        await api.must(call, values)
        return await api.token()

    async def tool(self, name: str, arguments: Sequence[object]) -> tuple[Process, int]:
        """One of our own servers, until the stage ends, and its port."""
        process = await self._launch(name, arguments)
        await process.ready(lambda: b"\n" in process.log.read_bytes(), _START_SECONDS_MAX)
        return process, int(process.log.read_text().split()[0])

    @asynccontextmanager
    async def more(self, role: str, count: int, environment: Mapping[str, str] | None = None) -> AsyncIterator[None]:
        """So many further processes of a role for the block, ready when it begins."""
        started = [await self._further(role, environment or {}) for _ in range(count)]
        self._more.setdefault(role, []).extend(started)
        try:
            for process in started:
                await self._until_ready(process)
            yield
        finally:
            for process in started:
                self._more[role].remove(process)
                await process.stop()

    @asynccontextmanager
    async def redis(self) -> AsyncIterator[str]:
        """An empty Redis for the block, used by nobody else."""
        folder = self._folder / f"redis-{free_port()}"
        file = RunFile(folder / self._target.start.servers_file)
        process = Process(fill(self._target.start.servers, {"state": str(folder)}), folder.with_suffix(".log"))
        try:
            await process.start()
            await process.ready(lambda: bool(file.read()), _START_SECONDS_MAX)
            yield str(file.read()["redis_url"])
        finally:
            await process.stop()

    async def _further(self, role: str, environment: Mapping[str, str]) -> Process:
        values = {**self.read(), "state": str(self._folder / "system")}
        further = {name: str(fill(text, values)) for name, text in self._target.start.further_environment.items()}
        number = free_port()
        log = self._folder / f"{role}-{number}.log"
        process = Process(self._target.start.roles[role], log, {**self._environment, **further, **environment})
        await process.start()
        return process

    async def _until_ready(self, process: Process) -> None:
        word = self._target.start.ready_word.encode()
        await process.ready(lambda: word in process.log.read_bytes(), _START_SECONDS_MAX)

    async def _start(self, environment: Mapping[str, str]) -> None:
        start, ports = self._target.start, {"gateway_port": free_port(), "admin_port": free_port()}
        servers = await self._launch("servers", fill(start.servers, {"state": str(self._folder / "servers")}))
        await servers.ready(lambda: bool(self._servers_file.read()), _START_SECONDS_MAX)
        self._bank = await self._open_bank("bank", ports["gateway_port"])
        self._bank["bank_proxy_url"] = self._bank["bank_url"]
        # What is ordered directly is notified to a receiver: the system would keep and match it, and be charged for it.
        _, notified = await self.tool("notified", ["-m", "bench.speed.tools.receiver"])
        self._beside = await self._open_bank("bank-beside", notified)
        values = {"state": str(self._folder / "system"), **ports}
        stores = {name.upper(): self._servers_file.read()[name] for name in ("database_url", "redis_url")}
        given = {name: str(fill(text, values)) for name, text in start.environment.items()}
        self._environment = {**given, "SSL_CERT_FILE": str(self._certificate), **environment, **stores}
        began = time.monotonic()
        system = await self._launch("system", fill(start.system, values), self._environment)
        await system.ready(lambda: all(self.pids(role) for role in ROLES), _START_SECONDS_MAX)
        self.start_seconds = time.monotonic() - began

    async def _open_bank(self, name: str, notified_port: int) -> dict[str, Any]:
        """A simulator that notifies whoever listens there."""
        values = {"gateway_port": notified_port, "bank_port": free_port()}
        bank = await self._launch(name, fill(self._target.start.bank, values))
        await bank.ready(lambda: b"\n" in bank.log.read_bytes(), _START_SECONDS_MAX)
        kept = orjson.loads(bank.log.read_bytes().splitlines()[0])
        return {name: pick(kept, path) for name, path in self._target.start.bank_keep.items()}

    async def _launch(
        self, name: str, arguments: Sequence[object], environment: Mapping[str, str] | None = None
    ) -> Process:
        process = Process(arguments, self._folder / f"{name}.log", environment)
        self._exits.push_async_callback(process.stop)
        await process.start()
        return process
