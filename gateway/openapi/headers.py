"""The headers of answers, each described once."""

from collections.abc import Iterable

from gateway.openapi.schemas import Json

_TEXT = {"type": "string"}
# Name → its schema, what it says, and an example.
_HEADERS: dict[str, tuple[Json, str, str | int]] = {
    "X-Request-Id": (
        {"type": "string", "pattern": "^[A-Za-z0-9._-]{8,64}$"},
        "Names this request to us: your own `X-Request-Id` if it is 8 to 64 of A-Z a-z 0-9 . _ -, else one of ours.",
        "5f0c1d2e3a4b5c6d7e8f9a0b",
    ),
    "RateLimit": (
        _TEXT,
        "On what is metered, the limit that bites first: `r` is what is left of it, `t` the seconds until it is full.",
        '"reads";r=199;t=1',
    ),
    "RateLimit-Policy": (
        _TEXT,
        "On what is metered, every limit that applies: `q` is its quota, `w` the seconds in which it fills.",
        '"client";q=20000;w=2, "reads";q=200;w=2',
    ),
    "Retry-After": ({"type": "integer", "minimum": 1}, "Whole seconds to wait before the request is repeated.", 1),
    "WWW-Authenticate": (_TEXT, "How to authenticate, and what was wrong (RFC 9110 §11.6.1).", "Bearer"),
    "x-fapi-interaction-id": (_TEXT, "The bank's own id of its notification, played back.", "14ba1762-a316-4a87"),
    "DPoP-Nonce": (_TEXT, "The nonce for your next DPoP proofs (RFC 9449 §8).", "AbCdEf…"),
    "Location": (
        {"type": "string", "format": "uri-reference"},
        "Where the new resource is read.",
        "/v1/payments/pay_…",
    ),
    "Idempotent-Replayed": (
        {"type": "string", "const": "true"},
        "This is what an earlier, equal request made; nothing was done now.",
        "true",
    ),
    "Preference-Applied": (_TEXT, "Which preference of `Prefer` was followed (RFC 7240 §3).", "respond-async"),
}
ALWAYS = ("X-Request-Id",)
# Also of refusals, once the limits were asked.
METERED = ("RateLimit", "RateLimit-Policy")
# Of whatever may have come with a DPoP proof.
NONCE = "DPoP-Nonce"
# What an answer of a status may carry beside what every answer does.
OF_STATUS = {401: ("WWW-Authenticate", NONCE), 403: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


def components() -> Json:
    """The headers by name."""
    return {
        name: {"description": sentence, "schema": schema, "example": example}
        for name, (schema, sentence, example) in _HEADERS.items()
    }


def references(names: Iterable[str]) -> Json:
    """References to headers."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
