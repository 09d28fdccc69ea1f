"""What is kept of a call: both heads with credentials masked, both bodies whole, and how long it took."""

from collections.abc import Mapping
from datetime import datetime

from adapters.contract import Exchange
from adapters.engine.transport import Course
from adapters.wire import WireRequest

_MASK = "••••"
_CREDENTIALS = frozenset(
    {"authorization", "proxy-authorization", "www-authenticate", "cookie", "set-cookie", "x-api-key", "dpop"}
)


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with the values of those that carry credentials replaced."""
    return {name: _MASK if name.lower() in _CREDENTIALS else value for name, value in headers.items()}


def record(
    request: WireRequest, sent_headers: Mapping[str, str], course: Course, at: datetime, duration_us: int
) -> Exchange:
    """The exchange of one call, also of one that never left."""
    answered = course.why is None
    outcome = "answered" if answered else str(course.why)
    head = {
        "method": request.method,
        "path": request.path,
        "headers": masked_headers(sent_headers),
        "connected": course.connected,
        "why": course.why,
        "status": course.status,
        "reply_headers": masked_headers(course.headers),
        "duration_us": duration_us,
    }
    return Exchange(
        at=at,
        outcome=outcome,
        duration_us=duration_us,
        status_code=course.status,
        head=head,
        request_body=request.body,
        reply_body=bytes(course.body),
    )
