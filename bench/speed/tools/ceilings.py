"""What nothing built on the same libraries can beat: a handler that only parses and answers, a client that only posts.

`python -m bench.speed.tools.ceilings server` prints its port and serves. `… client URL COUNT [AUTHORITY]` posts one
body so often, 100 at once, over TLS where it is given the file of an authority, and prints seconds and CPU seconds.
"""

import asyncio
import socket
import ssl
import sys
import time

import aiohttp
import orjson
import uvloop
from aiohttp import web
from aiohttp.typedefs import Handler

_AT_ONCE = 100
_BODY = orjson.dumps({"type": "order.shipped", "data": {"key": "0" * 19, "filler": "x" * 900}})


@web.middleware
async def _one_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    return await handler(request)


async def _echo(request: web.Request) -> web.Response:
    body = orjson.loads(await request.read())
    return web.Response(body=orjson.dumps(body), status=202, content_type="application/json")


async def serve() -> None:
    """Serve: aiohttp on uvloop, reading JSON and answering it."""
    app = web.Application(middlewares=[_one_middleware])
    app.router.add_post("/v1/events", _echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    await web.SockSite(runner, listener).start()
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def post(url: str, count: int, authority: str = "") -> dict[str, float]:
    """Post: aiohttp's client on uvloop; the same bytes, and no more is read than the status."""
    headers = {"content-type": "application/json", "webhook-id": "evt_0", "webhook-signature": "v1," + "A" * 44}
    left = iter(range(count))
    tls = ssl.create_default_context(cafile=authority) if authority else True
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE, ssl=tls)) as session:

        async def work() -> None:
            for _ in left:
                async with session.post(url, data=_BODY, headers=headers):
                    pass

        started, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
        return {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}


def main() -> None:
    """One of the two."""
    if sys.argv[1] == "server":
        uvloop.run(serve())
    else:
        sys.stdout.buffer.write(orjson.dumps(uvloop.run(post(sys.argv[2], int(sys.argv[3]), *sys.argv[4:5]))) + b"\n")


if __name__ == "__main__":
    main()
