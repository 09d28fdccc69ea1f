"""Around every request, found or not: its id, its log line, and a problem document for whatever goes wrong."""

import re
import time
from secrets import token_hex
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.http.replies import refuse
from gateway.metrics import METRICS
from gateway.problems.document import DATABASE_AWAY, problem_of
from gateway.problems.errors import RequestTimeout
from kernel.errors import ThreadneedleError

_SAFE_ID = re.compile(r"[A-Za-z0-9._\-]{8,64}")
_log = structlog.get_logger()

REQUEST_ID = web.RequestKey("request_id", str)
CALLER_ID = web.RequestKey("caller_id", str)
LIMIT_HEADERS = web.RequestKey("limit_headers", dict)


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id, the caller's own if it is harmless, and say it in the answer."""
    sent = request.headers.get("X-Request-Id", "")
    request[REQUEST_ID] = request_id = sent if _SAFE_ID.fullmatch(sent) else token_hex(12)
    response = await handler(request)
    response.headers["X-Request-Id"] = request_id
    return response


@web.middleware
async def log_answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One wide line and one count per answer; the route's pattern, never the path, so that no id or value is in it."""
    started = time.perf_counter()
    response = await handler(request)
    seconds, route = time.perf_counter() - started, _pattern(request)
    if (metrics := request.app.get(METRICS)) is not None:
        metrics.answered(route, request.method, response.status, seconds)
    _log.info(
        "request.answered",
        request_id=request[REQUEST_ID],
        method=request.method,
        route=route,
        status=response.status,
        duration_ms=round(seconds * 1000, 2),
        client=request.get(CALLER_ID),
    )
    return response


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error becomes a problem document; one that is not the caller's is logged with where it came from."""
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001 - the edge: whatever goes wrong, the caller gets a document
        known = _explained(error, request)
        return refuse(problem_of(known), request[REQUEST_ID], request.get(LIMIT_HEADERS, {}))


def _explained(error: Exception, request: web.Request) -> Exception:
    """The error to answer. A caller who hung up is no error of ours, and a database that is away is not unexpected."""
    if isinstance(error, ThreadneedleError | web.HTTPException):
        return error
    if isinstance(error, OSError | RuntimeError) and request.transport is None:
        log_abandoned(request[REQUEST_ID])
        return RequestTimeout()  # nobody reads it, but the counts by status show it as the caller's
    if isinstance(error, DATABASE_AWAY):
        _log.warning("request.postponed", **_origin(error, request[REQUEST_ID]))
    else:
        log_unexpected(error, request[REQUEST_ID])
    return error


def log_abandoned(request_id: str) -> None:
    """The caller closed the connection before there was an answer."""
    _log.info("request.abandoned", request_id=request_id)


def log_unexpected(error: BaseException, request_id: str) -> None:
    """An error of ours."""
    _log.error("request.failed", **_origin(error, request_id))


def _origin(error: BaseException, request_id: str) -> dict[str, Any]:
    """Class and places of an error. Its message may hold values, so it is left out."""
    return {"request_id": request_id, "error": type(error).__qualname__, "places": _places(error)}


def _places(error: BaseException) -> list[str]:
    places, step = [], error.__traceback__
    while step is not None:
        places.append(f"{step.tb_frame.f_code.co_filename}:{step.tb_lineno} {step.tb_frame.f_code.co_name}")
        step = step.tb_next
    return places


def _pattern(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


# The first stands outermost; each sees what the ones below it made of the request.
EDGE = (
    identify,  # everything after it can name the request
    log_answer,  # sees the final status, problems included
    answer_problems,  # innermost: handlers and stages raise, nobody else catches
)
