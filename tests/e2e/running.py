"""A running installation, as the tests of this folder see it: from outside."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from threadneedle.demo.acts.arriving import log_in, register, subscribe
from threadneedle.demo.merchant import Merchant
from threadneedle.demo.partner import Answer, Api
from threadneedle.demo.payer import Payer
from threadneedle.demo.proof import Proof
from threadneedle.demo.scene import Cast, Scene
from threadneedle.local.runfile import RunFile


@dataclass(frozen=True, slots=True)
class Running:
    """Where it is."""

    state: Path
    file: RunFile

    def pids(self, role: str) -> list[int]:
        """The present process ids of a role; they change when it is restarted."""
        pids: list[int] = json.loads((self.state / "run.json").read_text(encoding="utf-8"))["pids"].get(role, [])
        return pids

    async def answers(self, role: str) -> bool:
        """Whether it says that it is ready: a process that has a pid may be far from listening."""
        urls = {"gateway": [self.file.gateway, self.file.admin]}.get(role) or [self.file.watch[role]]
        try:
            async with aiohttp.ClientSession() as session:
                return all([(await session.get(f"{url}/readyz")).status == 200 for url in urls])
        except aiohttp.ClientError:
            return False


@asynccontextmanager
async def opened(running: Running, proof: Proof) -> AsyncIterator[tuple[Scene, Cast]]:
    """A partner that is logged in, and its merchant, which listens."""
    file, cast = running.file, Cast()
    async with (
        Api(file.admin, file.admin_token) as admin,
        Api(file.gateway) as partner,
        Api(file.simulator) as simulator,
        Api(file.uk_bank) as uk_bank,
        Merchant() as merchant,
    ):
        scene = Scene(
            admin=admin,
            partner=partner,
            simulator=simulator,
            payer=Payer(bank=uk_bank),
            merchant=merchant,
            proof=proof,
            amounts={"ok": 1250},
        )
        for part in (register, log_in, subscribe):
            await part(scene, cast)
        yield scene, cast


async def publish(scene: Scene, cast: Cast, number: int) -> str:
    """Publish one event until it is answered, always under the same id; the event's id."""
    body = {"id": f"{cast.merchant_id}-{number}", "type": "order.packed", "merchant_id": cast.merchant_id}
    while True:
        answer = await _tried(scene.partner, {**body, "data": {"number": number}})
        if answer is not None and answer.status in (200, 201):
            return str(answer.body["id"])
        await asyncio.sleep(0.05)


async def until(condition: Callable[[], bool | Awaitable[bool]], *, seconds: float = 60) -> None:
    """Wait for a condition. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await _held(condition):  # noqa: ASYNC110 - the condition is another process's
            await asyncio.sleep(0.05)


async def _held(condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    held = condition()
    return held if isinstance(held, bool) else await held


def unique(prefix: str) -> str:
    """A word that stands nowhere else."""
    return f"{prefix}{uuid.uuid4().hex[:12]}"


async def _tried(partner: Api, body: dict[str, object]) -> Answer | None:
    try:
        return await partner.post("/v1/events", body)
    except (OSError, aiohttp.ClientError):
        return None
