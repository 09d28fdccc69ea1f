"""Further gateway processes on a running installation's stores, each with its own port, settings and end."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp

from tests.e2e.conftest import ROOT
from tests.e2e.running import Running

_READY_SECONDS_MAX = 60
_END_SECONDS_MAX = 60
_BUCKET = "{ capacity = 1_000_000, rate_per_second = 1_000_000.0 }"
_CLASSES = ("client", "reads", "money", "events", "management")
# So that what refuses is never a limit.
ROOMY = {
    "THREADNEEDLE_LIMITS__TIERS": f"{{ standard = {{ {', '.join(f'{name} = {_BUCKET}' for name in _CLASSES)} }} }}"
}


@dataclass(frozen=True, slots=True)
class Gateway:
    """One process."""

    url: str
    process: asyncio.subprocess.Process

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal, and wait for its end; its exit status."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(_END_SECONDS_MAX):
            return await self.process.wait()


@asynccontextmanager
async def gateways(running: Running, count: int, **settings: str) -> AsyncIterator[list[Gateway]]:
    """So many of them, ready. `settings` are of the section [gateway]."""
    async with AsyncExitStack() as stack:
        opening = [stack.enter_async_context(_gateway(running, settings)) for _ in range(count)]
        yield [await each for each in opening]


@asynccontextmanager
async def _gateway(running: Running, settings: dict[str, str]) -> AsyncIterator[Gateway]:
    port, admin_port = _free_port(), _free_port()
    ours = {
        **ROOMY,
        "DATABASE_URL": running.file.database_url,
        "REDIS_URL": running.file.redis_url,
        "THREADNEEDLE_KEYS__FILE": str(running.state / "keys"),
        "THREADNEEDLE_GATEWAY__PUBLIC_URL": running.file.gateway,
        "THREADNEEDLE_GATEWAY__PORT": str(port),
        "THREADNEEDLE_GATEWAY__ADMIN_PORT": str(admin_port),
        **{f"THREADNEEDLE_GATEWAY__{name.upper()}": value for name, value in settings.items()},
    }
    with (running.state / f"gateway-{port}.log").open("wb") as log:
        command = (sys.executable, "-m", "threadneedle", "gateway")
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env={**os.environ, **ours}, stdout=log, stderr=log
        )
    scheme = "https" if "tls_certificate_file" in settings else "http"
    gateway = Gateway(f"{scheme}://127.0.0.1:{port}", process)
    try:
        await _ready(gateway)
        yield gateway
    finally:
        await gateway.end()


async def _ready(gateway: Gateway) -> None:
    async with asyncio.timeout(_READY_SECONDS_MAX), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{gateway.url}/readyz", ssl=False) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                assert gateway.process.returncode is None, "the gateway ended"
            await asyncio.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
