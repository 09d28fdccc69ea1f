"""Runs an application as we want it: no access log (our own line is cheaper), and problems also for what is no HTTP."""

from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import TypeAlias

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_server import Server

from gateway.http.edge import log_abandoned, log_unexpected
from gateway.http.replies import refuse
from gateway.problems.document import ACTIONS, Problem, problem_of

_KEEPALIVE_SECONDS = 75
_RequestHandler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
_log = structlog.get_logger()
_UNREADABLE = Problem(
    status=400,
    code="malformed_request",
    title="The request cannot be read as HTTP.",
    detail="The request line, a header or the framing of the body is not valid.",
    action=ACTIONS[400],
)


def build_runner(app: web.Application, *, shutdown_timeout_seconds: float = 30) -> web.AppRunner:
    """A runner for the application; requests that are under way have this long to end at shutdown."""
    return _Runner(
        app,
        access_log=None,
        keepalive_timeout=_KEEPALIVE_SECONDS,
        shutdown_timeout=shutdown_timeout_seconds,
        handler_cancellation=False,
        auto_decompress=False,  # encodings are refused with 415; aiohttp would fail at those that it cannot decode
    )


class _Runner(web.AppRunner):
    async def _make_server(self) -> Server:
        made = await super()._make_server()
        kwargs = made._kwargs  # noqa: SLF001 - aiohttp has no other way to choose the protocol's class
        return _Server(_without_text(made.request_handler), request_factory=made.request_factory, **kwargs)


def _without_text(handle: _RequestHandler) -> _RequestHandler:
    """What aiohttp refuses outside of all middlewares (Expect) as a problem; its own text repeats what was sent."""

    async def handled(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await handle(request)
        except web.HTTPException as error:
            request_id = token_hex(12)
            _log.info("request.refused", request_id=request_id, status=error.status)
            return refuse(problem_of(error), request_id, {"X-Request-Id": request_id})

    return handled


class _Server(Server):
    def __call__(self) -> RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Handler(RequestHandler):
    """aiohttp would log the unreadable bytes and answer in plain text."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it may repeat what was sent
    ) -> web.StreamResponse:
        request_id = token_hex(12)
        if status < 500:
            _log.info("request.unreadable", request_id=request_id, error=type(exc).__name__)
        elif isinstance(exc, ConnectionError):
            log_abandoned(request_id)
        elif exc is not None:
            log_unexpected(exc, request_id)
        if request.writer.output_size > 0:
            raise ConnectionError("part of the answer was sent already")
        problem = _UNREADABLE if status < 500 else problem_of(RuntimeError())
        response = refuse(problem, request_id, {"X-Request-Id": request_id})
        response.force_close()
        return response
