"""A partner of a measurement with its endpoints, and the receiver that they lead to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from bench.load.api import Api
from bench.load.scene import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """`bench.speed.tools.receiver`, which listens at `url`; over TLS where it has an authority."""

    url: str
    pid: int
    authority: Path | None = None

    async def found(self) -> dict[str, Any]:
        """What came since `forget`."""
        return dict(orjson.loads(await self._get("found")))

    async def forget(self) -> None:
        """Count anew."""
        await self._get("reset")

    async def go_down(self) -> None:
        """Answer 503 from now on."""
        await self._get("down")

    async def come_up(self) -> None:
        """Answer 204 again."""
        await self._get("up")

    async def _get(self, path: str) -> bytes:
        # It is a receiver of ours on this machine: who it is need not be proven to us.
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/{path}", ssl=False) as answer:
            return await answer.read()


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One partner; `api` is logged in as its client, `lanes` are its merchants and their endpoints."""

    api: Api
    lanes: tuple[Lane, ...]
    receiver: Receiver

    async def headers(self) -> dict[str, str]:
        """What a call to the API carries."""
        return {"authorization": f"Bearer {await self.api.token()}", "content-type": "application/json"}
