"""Who may call: the schemes, and what a route asks for."""

from collections.abc import Sequence
from typing import Any

from gateway.http.route import Access, Route
from gateway.oauth.scopes import IMPLIED, Scope
from gateway.openapi.schemas import Json

SCOPE_SENTENCES = {
    Scope.PAYMENTS_READ: "Read payments and banks.",
    Scope.ACCOUNTS_READ: "Read consents, accounts, balances and transactions.",
    Scope.ACCOUNTS_WRITE: "Ask for consents and end them, and read.",
    Scope.PAYMENTS_WRITE: "Make and cancel payments.",
    Scope.EVENTS_READ: "Read events and their types.",
    Scope.EVENTS_WRITE: "Publish events and describe types of them.",
    Scope.WEBHOOKS_READ: "Read endpoints, deliveries, attempts and replays.",
    Scope.WEBHOOKS_MANAGE: "Make and change endpoints, see their secrets, replay deliveries, erase events.",
}
_OAUTH = "OAuth 2.0 client credentials (RFC 6749 §4.4). Tokens are JWTs (RFC 9068) of ten minutes; get a new one then."
_BASIC = (
    "The client's id and secret (RFC 6749 §2.3.1). Clients that are registered so prove themselves in the form, "
    "by `client_assertion` (RFC 7523) or `client_secret`."
)
_CERTIFICATE = "The client's own TLS certificate (RFC 8705 §2), with `client_id` in the form."
_ADMIN = "An admin API token. Each is a person's own; what is done with it stands in the audit log under its name."


def requirement(route: Route[Any]) -> list[Json]:
    """What a route asks for; nothing is an empty list."""
    match route.access:
        case Access.PARTNER:
            return [{"oauth": [] if route.scope is None else [route.scope.value]}]
        case Access.ADMIN:
            return [{"admin_token": []}]
        case Access.OPEN:
            return [{"client": []}, {"client_certificate": []}, {}] if is_form(route) else []


def is_form(route: Route[Any]) -> bool:
    """A handler that reads typed bytes itself reads a form: an OAuth endpoint's, whose errors are OAuth's own."""
    return route.raw and route.request is not None


def schemes(routes: Sequence[Route[Any]]) -> Json:
    """Those that the routes use."""
    known: Json = {
        "oauth": {
            "type": "oauth2",
            "description": _OAUTH,
            "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": _scopes()}},
        },
        "client": {"type": "http", "scheme": "basic", "description": _BASIC},
        "client_certificate": {"type": "mutualTLS", "description": _CERTIFICATE},
        "admin_token": {"type": "http", "scheme": "bearer", "description": _ADMIN},
    }
    used = {name for route in routes for alternative in requirement(route) for name in alternative}
    return {name: scheme for name, scheme in known.items() if name in used}


def _scopes() -> dict[str, str]:
    return {scope.value: SCOPE_SENTENCES[scope] + _also(scope) for scope in Scope}


def _also(scope: Scope) -> str:
    return f" Includes {IMPLIED[scope].value}." if scope in IMPLIED else ""
