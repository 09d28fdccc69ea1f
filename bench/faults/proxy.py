"""A TCP proxy before a server, which can be told to misbehave."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

_CHUNK_BYTES = 65_536
_SLOW_SECONDS = 0.3
_DRIP_BYTES = 64
_DRIP_SECONDS = 0.2


Tap = Callable[[], Callable[[bytes], None]]


class Weather(StrEnum):
    """What happens to the traffic."""

    CLEAR = "clear"
    REFUSED = "unreachable"  # connections are cut, new ones are dropped at once
    FROZEN = "frozen"  # everything stays open and nothing gets through
    SLOW = "slow"  # every piece takes a third of a second more, each way
    DRIPPING = "dripping"  # 320 bytes a second


class Proxy:
    """Listens on a free port and forwards to wherever `upstream` says at that moment."""

    def __init__(self, upstream: Callable[[], tuple[str, int]], tap: Tap | None = None) -> None:
        """`tap` makes, for each connection, something that is shown all that the client sends."""
        self._upstream = upstream
        self._tap = tap or _nobody
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._clear = asyncio.Event()
        self._clear.set()
        self.weather = Weather.CLEAR
        self.port = 0

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and cut everything."""
        if self._server is not None:
            self._server.close()
        self.change(Weather.CLEAR)
        self._cut()

    def change(self, weather: Weather) -> None:
        """From now on."""
        self.weather = weather
        if weather is Weather.FROZEN:
            self._clear.clear()
        else:
            self._clear.set()
        if weather is Weather.REFUSED:
            self._cut()

    def _cut(self) -> None:
        for writer in list(self._connections):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            if self.weather is not Weather.REFUSED:
                await self._forward(reader, writer)
        except OSError:
            pass  # the server is away: the client sees its connection end
        finally:
            self._connections.discard(writer)
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._clear.wait()
        there, back = await asyncio.open_connection(*self._upstream())
        self._connections.add(back)
        pumps = [
            asyncio.create_task(self._pump(reader, back, self._tap())),
            asyncio.create_task(self._pump(there, writer, _nobody())),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._connections.discard(back)
            back.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tap: Callable[[bytes], None]
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                tap(chunk)
                await self._through(chunk, writer)

    async def _through(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        while chunk:
            await self._clear.wait()
            if self.weather is Weather.SLOW:
                await asyncio.sleep(_SLOW_SECONDS)
            elif self.weather is Weather.DRIPPING:
                await asyncio.sleep(_DRIP_SECONDS)
            size = _DRIP_BYTES if self.weather is Weather.DRIPPING else _CHUNK_BYTES
            writer.write(chunk[:size])
            await writer.drain()
            chunk = chunk[size:]


def _nobody() -> Callable[[bytes], None]:
    return lambda _chunk: None


@dataclass(frozen=True, slots=True, kw_only=True)
class BadWeather:
    """One server unreachable, frozen, slow or dripping for a while."""

    server: str
    weather: Weather
    seconds: float
    proxy: Proxy

    @property
    def kind(self) -> str:
        """Its name."""
        return f"{self.server} {self.weather}"

    async def strike(self) -> float:
        """Until it is clear again; a later change of the same proxy takes this one's place."""
        self.proxy.change(self.weather)
        await asyncio.sleep(self.seconds)
        if self.proxy.weather is self.weather:
            self.proxy.change(Weather.CLEAR)
        return time.monotonic()
