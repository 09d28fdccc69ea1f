"""Around every request, found or not: its id, its log line, and a problem document for whatever goes wrong."""

import re
import time
from secrets import token_hex

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.http.replies import refuse
from gateway.metrics import METRICS
from gateway.problems.document import problem_of
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
    """Every error becomes a problem document; one that nobody expected is logged with where it came from."""
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001 - the edge: whatever goes wrong, the caller gets a document
        if not isinstance(error, ThreadneedleError | web.HTTPException):
            log_unexpected(error, request[REQUEST_ID])
        return refuse(problem_of(error), request[REQUEST_ID], request.get(LIMIT_HEADERS, {}))


def log_unexpected(error: BaseException, request_id: str) -> None:
    """Class and places of an error. Its message may hold values, so it is left out."""
    _log.error("request.failed", request_id=request_id, error=type(error).__qualname__, places=_places(error))


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
