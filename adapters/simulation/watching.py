"""Lets judges see what is said at simulated banks, each exchange once its answer is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from adapters.simulation.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One exchange of a protocol's own interface, names of headers in lower case. `fault`: by command, if any."""

    protocol: str
    method: str
    path: str  # with its query
    headers: Mapping[str, str]
    body: bytes
    status: int
    reply_headers: Mapping[str, str]
    reply_body: bytes
    fault: Fault | None


Watcher = Callable[[Seen], None]
# Of every simulated bank in this process. There is nobody but where a test, or a recorder, has put itself.
WATCHERS: list[Watcher] = []
FAULT = web.RequestKey("fault", Fault)


def watching(protocol: str, interface: str) -> Middleware:
    """A middleware, the outermost one; the protocol's own interface is below the path `interface`."""

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if WATCHERS and request.path.startswith(interface):
            seen = await _seen(protocol, request, response)
            for watcher in WATCHERS:
                watcher(seen)
        return response

    return watch


async def _seen(protocol: str, request: web.Request, response: web.StreamResponse) -> Seen:
    body = response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b""
    return Seen(
        protocol=protocol,
        method=request.method,
        path=request.path_qs,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.read(),
        status=response.status,
        reply_headers={name.lower(): value for name, value in response.headers.items()},
        reply_body=body,
        fault=request.get(FAULT),
    )
