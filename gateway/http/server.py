"""Runs an application as we want it: no access log (our own line is cheaper), and problems also for what is no HTTP.

aiohttp's parser refuses most of what two servers in a row could read differently (RFC 9112 §11.2: two lengths, a length
beside chunks, folded headers, bare line feeds, two Hosts). What it lets through is refused here, before any route:
versions other than 1.0 and 1.1 (§2.3), targets that are no path and no URL of ours (§3.2), two credentials.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

import structlog
from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.hdrs import AUTHORIZATION, CONTENT_TYPE, EXPECT, HOST, TRANSFER_ENCODING
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_server import Server

from gateway.http.edge import RequestHandler as Handling
from gateway.http.edge import log_abandoned, log_unexpected, new_request_id
from gateway.http.peer.address import Network, is_told_https
from gateway.http.replies import WholeResponse, refuse
from gateway.overload.connections import BoundedHandler, ConnectionBounds, HeadTooLarge, HeadTooSlow
from gateway.problems.document import ACTIONS, Problem, problem_of

_KEEPALIVE_SECONDS = 75
_HEADERS_MAX = 100
_RequestHandler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
_log = structlog.get_logger()
# By method and raw path, the handlers of the routes whose path is always the same.
DIRECT = web.AppKey("direct", dict[tuple[str, str], Handling])
# An address or a name, with or without a port (RFC 9110 §7.2); nothing that could be taken for a path or credentials.
_HOST = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_VERSIONS = (HttpVersion11, HttpVersion10)
_ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_UNREADABLE = Problem(
    status=400,
    code="malformed_request",
    title="The request cannot be read as HTTP.",
    detail="The request line, a header or the framing of the body is not valid.",
    action=ACTIONS[400],
)


_HEAD_TOO_LARGE = Problem(
    status=431,
    code="head_too_large",
    title="The request's head is too large.",
    detail=f"At most {_HEADERS_MAX} headers, 8 kB each with their names, and 32 kB together.",
    action=ACTIONS[431],
)
_HEAD_TOO_SLOW = Problem(
    status=408,
    code="request_timeout",
    title="The request did not arrive in time.",
    detail="Its head was begun and not ended.",
    action=ACTIONS[408],
)


def build_runner(
    app: web.Application,
    *,
    shutdown_timeout_seconds: float = 30,
    bounds: ConnectionBounds | None = None,
    proxies: Sequence[Network] = (),
) -> web.AppRunner:
    """A runner for the application; requests that are under way have this long to end at shutdown.

    `proxies` are the networks of our own proxies in front.
    """
    return _Runner(
        app,
        proxies=proxies,
        bounds=bounds or ConnectionBounds(),
        max_headers=_HEADERS_MAX,
        access_log=None,
        keepalive_timeout=_KEEPALIVE_SECONDS,
        shutdown_timeout=shutdown_timeout_seconds,
        handler_cancellation=False,
        auto_decompress=False,  # encodings are refused with 415; aiohttp would fail at those that it cannot decode
    )


class _Runner(web.AppRunner):
    def __init__(self, app: web.Application, *, proxies: Sequence[Network], **options: Any) -> None:
        super().__init__(app, **options)
        self._proxies = proxies

    async def _make_server(self) -> Server:
        made = await super()._make_server()
        kwargs = made._kwargs  # noqa: SLF001 - aiohttp has no other way to choose the protocol's class
        direct = self.app.get(DIRECT)
        handle = _strict(_directly(direct or {}, _without_text(made.request_handler)))
        handle = _telling_https(handle, self._proxies) if self._proxies else handle
        return _Server(handle, request_factory=made.request_factory, **kwargs)


def _directly(direct: Mapping[tuple[str, str], Handling], handle: _RequestHandler) -> _RequestHandler:
    """Past the application's router, which costs as much as the handler of a busy route.

    Whatever is not written exactly as in the table, and whatever expects something first, goes through the application.
    """

    def handled(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        handling = direct.get((request.method, request.raw_path))
        if handling is None or EXPECT in request.headers:
            return handle(request)
        return handling(cast("web.Request", request))

    return handled


def _strict(handle: _RequestHandler) -> _RequestHandler:
    """Refuses what is ambiguous before anything is made of it."""

    def handled(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        return _ambiguous() if _is_ambiguous(request) else handle(request)

    return handled


def _telling_https(handle: _RequestHandler, proxies: Sequence[Network]) -> _RequestHandler:
    """Marks the answers to what came to a proxy of ours over https."""

    async def handled(request: web.BaseRequest) -> web.StreamResponse:
        response = await handle(request)
        if isinstance(response, WholeResponse):
            schemes = request.headers.getall("X-Forwarded-Proto", ())
            response.is_told_https = is_told_https(request.remote, schemes, proxies)
        return response

    return handled


def _without_text(handle: _RequestHandler) -> _RequestHandler:
    """What aiohttp refuses outside of all middlewares (Expect) as a problem; its own text repeats what was sent."""

    async def handled(request: web.BaseRequest) -> web.StreamResponse:
        try:
            response = await handle(request)
        except web.HTTPException as error:
            request_id = new_request_id()
            _log.info("request.refused", request_id=request_id, status=error.status)
            response = refuse(problem_of(error), request_id, {"X-Request-Id": request_id})
        if request.method == "CONNECT":  # nobody may take what follows for a tunnel
            response.force_close()
        return response

    return handled


def _is_ambiguous(request: web.BaseRequest) -> bool:
    """Whether someone else could see another caller, another host or another body in the request."""
    headers, target = request.headers, request.raw_path
    host, coding = headers.get(HOST), headers.get(TRANSFER_ENCODING)
    return (
        request.version not in _VERSIONS
        or len(headers.getall(AUTHORIZATION, ())) > 1
        or len(headers.getall(CONTENT_TYPE, ())) > 1
        or (host is not None and _HOST.fullmatch(host) is None)
        or (coding is not None and (coding.lower() != "chunked" or request.version < HttpVersion11))
        or "#" in target
        or (not target.startswith("/") and _is_elsewhere(request.method, target, host))
    )


def _is_elsewhere(method: str, target: str, host: str | None) -> bool:
    """Whether what stands in place of the path is no URL of the authority that Host names (RFC 9112 §3.2.2 to 3.2.4).

    CONNECT names an authority and OPTIONS may name everything; neither is served, but both can be read.
    """
    if method == "CONNECT" or (method == "OPTIONS" and target == "*"):
        return False
    absolute = _ABSOLUTE.match(target)
    return absolute is None or absolute.group(1).lower() != (host or "").lower()


async def _ambiguous() -> web.StreamResponse:
    """400; what may follow on the connection is not read."""
    request_id = new_request_id()
    _log.info("request.ambiguous", request_id=request_id)
    response = refuse(_UNREADABLE, request_id, {"X-Request-Id": request_id})
    response.force_close()
    return response


class _Server(Server):
    def __call__(self) -> RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Handler(BoundedHandler):
    """aiohttp would log the unreadable bytes and answer in plain text."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it may repeat what was sent
    ) -> web.StreamResponse:
        request_id = new_request_id()
        if status < 500:
            _log.info("request.unreadable", request_id=request_id, error=type(exc).__name__)
        elif isinstance(exc, ConnectionError):
            log_abandoned(request_id)
        elif exc is not None:
            log_unexpected(exc, request_id)
        if request.writer.output_size > 0:
            raise ConnectionError("part of the answer was sent already")
        problem = _refused(exc) if status < 500 else problem_of(RuntimeError())
        response = refuse(problem, request_id, {"X-Request-Id": request_id})
        response.force_close()
        return response


def _refused(error: BaseException | None) -> Problem:
    """The problem of a head that was not read to its end."""
    match error:
        case HeadTooSlow():
            return _HEAD_TOO_SLOW
        case HeadTooLarge() | LineTooLong():
            return _HEAD_TOO_LARGE
        case _ if "Too many headers" in str(error):  # aiohttp has no class for it
            return _HEAD_TOO_LARGE
        case _:
            return _UNREADABLE
