"""Callers that hold connections: slowly, with large heads, or too many."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gateway.http.server import build_runner
from gateway.overload.connections import ConnectionBounds

BOUNDS = ConnectionBounds(connections_max=3, head_seconds_max=0.3, head_bytes_max=4_096)
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """A server that answers 200 to everything; its port."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = build_runner(app, shutdown_timeout_seconds=1, bounds=BOUNDS)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving() as number:
        yield number


async def connect(port: int) -> Connection:
    return await asyncio.open_connection("127.0.0.1", port)


async def status(connection: Connection, request: bytes = HEAD + b"\r\n") -> bytes:
    """The status of one request on this connection; nothing where it is closed."""
    reader, writer = connection
    writer.write(request)
    line = await reader.readline()
    if line:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
    return line[9:12]


async def test_a_head_that_does_not_end_is_given_up(port: int) -> None:
    """It is answered 408 after its time, however many bytes trickle in, and the connection is closed."""
    reader, writer = await connect(port)
    answer = asyncio.create_task(reader.read())
    for byte in HEAD * 4:
        if answer.done() or writer.is_closing():
            break
        writer.write(bytes([byte]))
        await asyncio.sleep(0.02)
    raw = await asyncio.wait_for(answer, 5)
    writer.close()
    assert raw.split(b" ")[1] == b"408"
    assert b'"code":"request_timeout"' in raw


async def test_the_time_of_a_head_is_its_own(port: int) -> None:
    """A head in pieces that ends in time is served, and the next one on the connection has its whole time again."""
    connection = await connect(port)
    for _ in range(3):
        connection[1].write(HEAD)
        await asyncio.sleep(0.2)
        assert await status(connection, b"\r\n") == b"200"
    await asyncio.sleep(0.4)
    assert await status(connection) == b"200"
    connection[1].close()


@pytest.mark.parametrize(
    "extra",
    [
        b"".join(b"X-%d: y\r\n" % number for number in range(150)),
        b"X-Long: " + b"y" * 9_000 + b"\r\n",
        b"".join(b"X-%d: %s\r\n" % (number, b"y" * 500) for number in range(20)),
    ],
)
async def test_large_heads_are_refused(port: int, extra: bytes) -> None:
    """Too many headers, too long a one, and too much of all that has not ended: 431 with a problem document."""
    reader, writer = await connect(port)
    writer.write(HEAD + extra)
    await writer.drain()
    raw = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert raw.split(b" ")[1] == b"431"
    assert b'"code":"head_too_large"' in raw


async def test_who_is_idle_makes_room(port: int) -> None:
    """With all connections taken by callers that send nothing, a new one is served and the oldest of them goes."""
    idle = [await connect(port) for _ in range(3)]
    await asyncio.sleep(0.05)
    for _ in range(5):
        connection = await connect(port)
        assert await status(connection) == b"200"
        connection[1].close()
        await connection[1].wait_closed()
    assert await asyncio.wait_for(idle[0][0].read(), 5) == b""
    for _, writer in idle:
        writer.close()
