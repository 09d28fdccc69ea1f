"""Around every request, found or not: its id, its log line, and a problem document for whatever goes wrong."""

import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import structlog
from aiohttp import web
from multidict import istr

from gateway.http.call import Call
from gateway.http.replies import WholeResponse, refuse
from gateway.metrics import EdgeMetrics
from gateway.problems.document import DATABASE_AWAY, problem_of
from gateway.problems.errors import RequestTimeout
from kernel.errors import ThreadneedleError

_SAFE_ID = re.compile(r"[A-Za-z0-9._\-]{8,64}")
_REQUEST_ID = istr("X-Request-Id")
_log = structlog.get_logger()

# From a call to its response; whatever it raises becomes a problem document.
Answering: TypeAlias = Callable[[Call], Awaitable[WholeResponse]]
RequestHandler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
# Takes the event's name and fields of a log line.
Log: TypeAlias = Callable[[str, Mapping[str, Any]], None]


def _say(event: str, fields: Mapping[str, Any]) -> None:
    _log.info(event, **fields)


class Edge:
    """What happens to every request of a surface. `log` takes the lines of answers, of which there are the most."""

    def __init__(self, metrics: EdgeMetrics | None = None, log: Log | None = None) -> None:
        self._metrics = metrics
        self._log = log or _say

    def wrap(self, route: str, answering: Answering) -> RequestHandler:
        """The handler of a route; `route` is its pattern, which logs and metrics call it by."""

        async def handle(request: web.Request) -> web.StreamResponse:
            started = time.perf_counter()
            call = Call(request=request, request_id=_id_of(request))
            try:
                response = await answering(call)
                response.fields["X-Request-Id"] = call.request_id
            except Exception as error:  # noqa: BLE001 - the edge: whatever goes wrong, the caller gets a document
                response = refuse(problem_of(_explained(error, call)), call.request_id, call.admission.headers)
            self._tell(call, route, response.status, time.perf_counter() - started)
            return response

        return handle

    def _tell(self, call: Call, route: str, status: int, seconds: float) -> None:
        """One wide line and one count; the route's pattern, never the path, so that no id or value is in it."""
        method = call.request.method
        if self._metrics is not None:
            self._metrics.answered(route, method, status, seconds)
        self._log(
            "request.answered",
            {
                "request_id": call.request_id,
                "method": method,
                "route": route,
                "status": status,
                "duration_ms": round(seconds * 1000, 2),
                "client": call.caller.owner or None,
            },
        )


def new_request_id() -> str:
    """It has to differ from others, not to be guessed."""
    return f"{random.getrandbits(96):024x}"


def _id_of(request: web.Request) -> str:
    """The caller's own id of the request if it is harmless."""
    sent = request.headers.get(_REQUEST_ID)
    return sent if sent is not None and _SAFE_ID.fullmatch(sent) else new_request_id()


def _explained(error: Exception, call: Call) -> Exception:
    """The error to answer. A caller who hung up is no error of ours, and a database that is away is not unexpected."""
    if isinstance(error, ThreadneedleError | web.HTTPException):
        return error
    if isinstance(error, OSError | RuntimeError) and call.request.transport is None:
        log_abandoned(call.request_id)
        return RequestTimeout()  # nobody reads it, but the counts by status show it as the caller's
    if isinstance(error, DATABASE_AWAY):
        _log.warning("request.postponed", **_origin(error, call.request_id))
    else:
        log_unexpected(error, call.request_id)
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
