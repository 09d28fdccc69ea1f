"""How simulated banks post their notifications: until one is answered with 2xx, for a while, ever later."""

import asyncio
from collections.abc import Callable, Mapping

import aiohttp

_TRIES = 5
_FIRST_RETRY_SECONDS = 0.2
_TIMEOUT_SECONDS = 5


class Courier:
    """Posts to one address, or nowhere while there is none; `taken` counts what was answered with 2xx."""

    def __init__(self, url: str | None) -> None:
        self.url = url
        self.taken = 0
        self._session: aiohttp.ClientSession | None = None

    async def deliver(self, raw: bytes, headers: Callable[[], Mapping[str, str]]) -> None:
        """Post these bytes; the headers are made anew at every try. What is never taken is given up."""
        delay_seconds, url = _FIRST_RETRY_SECONDS, self.url
        for _ in range(_TRIES if url is not None else 0):
            if await self._post(str(url), raw, headers()):
                self.taken += 1
                return
            await asyncio.sleep(delay_seconds)
            delay_seconds *= 2

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    async def _post(self, url: str, raw: bytes, headers: Mapping[str, str]) -> bool:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS))
        try:
            async with self._session.post(url, data=raw, headers=headers, allow_redirects=False) as response:
                return 200 <= response.status < 300
        except (aiohttp.ClientError, TimeoutError):
            return False
