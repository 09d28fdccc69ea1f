"""What is kept of a call: both heads and both bodies, and how long it took. No credential is kept.

Credentials stand in headers, and in the bodies of calls for tokens, which are kept with them masked; all other bodies
are kept whole.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import orjson

from adapters.contract import Exchange
from adapters.engine.transport import Call, Course
from adapters.wire import Credential, Host, WireRequest

_MASK = "••••"
_CREDENTIALS = frozenset(
    {"authorization", "proxy-authorization", "www-authenticate", "cookie", "set-cookie", "x-api-key", "dpop"}
)
# Members of token calls that open something (RFC 6749, RFC 7521, RFC 7636, RFC 9101, OpenID Connect Core).
_SECRET_MEMBERS = frozenset(
    {
        "access_token",
        "client_assertion",
        "client_secret",
        "code",
        "code_verifier",
        "id_token",
        "refresh_token",
        "request",
    }
)


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with the values of those that carry credentials replaced."""
    return {name: _MASK if name.lower() in _CREDENTIALS else value for name, value in headers.items()}


def record(request: WireRequest, sent: Call | None, course: Course, at: datetime, duration_us: int) -> Exchange:
    """The exchange of one call, also of one that never left; `sent` is what left, where anything did."""
    outcome = "answered" if course.why is None else str(course.why)
    head = {
        "method": request.method,
        "path": request.path,
        "host": request.host,
        "headers": masked_headers(sent.headers if sent is not None else {}),
        "connected": course.connected,
        "why": course.why,
        "status": course.status,
        "reply_headers": masked_headers(course.headers),
        "duration_us": duration_us,
    }
    request_body, reply_body = sent.body if sent is not None else request.body, bytes(course.body)
    if request.host is Host.TOKEN or request.credential is Credential.CLIENT:
        request_body, reply_body = masked_form(request_body), masked_answer(reply_body)
    return Exchange(
        at=at,
        outcome=outcome,
        duration_us=duration_us,
        status_code=course.status,
        head=head,
        request_body=request_body,
        reply_body=reply_body,
    )


def masked_form(body: bytes) -> bytes:
    """A form with the values of those members replaced that carry credentials; what is no form is kept as a length."""
    try:
        members = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body))
    except ValueError:
        return _length(body)
    return "&".join(f"{quote_plus(name)}={_shown(name, quote_plus(value))}" for name, value in members).encode()


def masked_answer(body: bytes) -> bytes:
    """A JSON object with its tokens replaced; what is no JSON object is kept as a length, for it may hold one."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _length(body)
    if not isinstance(answer, dict):
        return _length(body)
    return orjson.dumps({name: _shown(name, value) for name, value in answer.items()})


def _shown(name: str, value: Any) -> Any:
    return _MASK if name in _SECRET_MEMBERS else value


def _length(body: bytes) -> bytes:
    return f"({len(body)} bytes)".encode() if body else b""
