"""Gateway processes as they run in production, each on ports of its own, on the test's own database and Valkey."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from config.keys import create_key_file
from config.loading import load_settings
from threadneedle.preparation import create_admin_token

_READY_SECONDS_MAX = 30
_STOP_SECONDS_MAX = 15
# Nothing leaves the machine: what webhooks would send goes to a proxy that is not there.
_NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One process: where partners reach it, and where admins do, with which token."""

    url: str
    admin_url: str
    admin_token: str

    async def admin(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """A call to the admin port that must succeed; its answer."""
        headers = {"Authorization": f"Bearer {self.admin_token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, f"{self.admin_url}/admin/v1{path}", json=body) as answer,
        ):
            found: dict[str, object] = await answer.json(content_type=None)
            assert answer.status in {200, 201}, found
            return found


@contextlib.asynccontextmanager
async def running_gateways(
    stores: Mapping[str, str], folder: Path, count: int = 1, **settings: str
) -> AsyncIterator[list[Gateway]]:
    """So many processes, ready; `stores` are DATABASE_URL and REDIS_URL, `settings` further variables."""
    await asyncio.to_thread(create_key_file, folder / "keys", datetime.now(UTC))
    common = {
        **os.environ,
        **stores,
        "THREADNEEDLE_KEYS__FILE": str(folder / "keys"),
        "THREADNEEDLE_WEBHOOKS__EGRESS_PROXY_URL": _NOWHERE,
        "THREADNEEDLE_GATEWAY__PUBLIC_URL": "https://gateway.example.com",
        **settings,
    }
    _, token = await create_admin_token(await asyncio.to_thread(load_settings, common), "test admin")
    async with contextlib.AsyncExitStack() as stack:
        gateways = [
            await stack.enter_async_context(_running(common, folder / f"gateway-{number}.log", token))
            for number in range(count)
        ]
        await asyncio.gather(*(_ready(gateway) for gateway in gateways))
        yield gateways


@contextlib.asynccontextmanager
async def _running(common: Mapping[str, str], log: Path, token: str) -> AsyncIterator[Gateway]:
    ports = _free(), _free()
    own = {"THREADNEEDLE_GATEWAY__PORT": str(ports[0]), "THREADNEEDLE_GATEWAY__ADMIN_PORT": str(ports[1])}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "threadneedle", "gateway", env={**common, **own}, stdout=output, stderr=output
        )
        try:
            url, admin_url = (f"http://127.0.0.1:{port}" for port in ports)
            yield Gateway(url=url, admin_url=admin_url, admin_token=token)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await asyncio.wait_for(process.wait(), _STOP_SECONDS_MAX)


async def _ready(gateway: Gateway) -> None:
    async with asyncio.timeout(_READY_SECONDS_MAX), aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with session.get(f"{gateway.url}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
