"""What the document says in sentences: of the API as a whole, of its parts, and of an operation beyond its summary."""

import inspect
from typing import Any

from gateway.http.route import Access, Route
from gateway.limits.policy import LimitClass

# Shorter ones repeat what names and summaries say.
_LENGTH_MIN = 20
_ERRORS = """
## Errors
Errors are problem documents (RFC 9457). `code` is stable: program against it. `errors` names every wrong field by its
JSON Pointer, and no message repeats a value that was sent. `recommended_action` says what to do, `request_id` names the
request to us. Tolerate codes that you do not know.
"""
_LISTS = """
## Lists
Lists answer `{"data": […], "next_cursor": …}`. Send `next_cursor` as `cursor` to go on; `null` says that there is no
more.
"""

PARTNERS_TEXT = f"""One API for every bank, and signed webhooks that are not lost.

## Logging in
OAuth 2.0 client credentials: ask `/oauth/token` for an access token and send it as `Authorization: Bearer …`. A client
belongs to one environment, `test` or `live`, and nothing crosses: what is not yours is not found. Tokens can be
bound to a TLS certificate (RFC 8705) or to a key (DPoP, RFC 9449: `Authorization: DPoP …`, and a proof in `DPoP`).

## Paying
Money moves only with an `Idempotency-Key`. If you get no answer, or a 5xx, send the same request with the same key
again: it is the same payment. A payment in `outcome_unknown` is neither paid nor failed; do not pay again, we find out.
Amounts are whole minor units: `{{"currency": "GBP", "value": 1234}}` is £12.34. Times are RFC 3339 in UTC.
{_ERRORS}
## Limits
Metered answers carry `RateLimit` and `RateLimit-Policy`; 429 and 503 say in `Retry-After` when to try again. With
`Request-Timeout: 2.5` you say how many seconds you will wait: what is not begun by then is not begun.
{_LISTS}
## Compatibility
New members and new values of `status`, `reason` and the like may come at any time: tolerate those that you do not know.
"""
ADMIN_TEXT = f"""For those who run the service, on a port that partners cannot reach.

Every change writes a row of the audit log in its own transaction, under the name of the token that made it.

Under `/admin/v1/partners/{{partner_id}}/{{environment}}/` stand the partners' own webhook routes: what reads, and what
sets things right (pausing, disabling, retrying, replaying, erasing). Who did it is told as for every other change.
Signing secrets are not shown here, and nothing is published.
{_ERRORS}{_LISTS}"""

TAG_SENTENCES = {
    "payments": "Payments through any bank, and what became of them.",
    "banks": "The banks that payments can be made through.",
    "consents": "Asking holders of accounts whether they may be read.",
    "accounts": "Accounts under a consent: balances and transactions.",
    "events": "What merchants are told: published by you, or by us about payments.",
    "event types": "The catalogue of types of events, ours and yours, each with a JSON Schema of its data.",
    "webhook endpoints": "Where merchants receive events, and what their messages are signed with.",
    "deliveries": "One event for one endpoint, and each attempt to deliver it.",
    "completeness": "What did not arrive, and signed proofs of what was sent.",
    "replays": "Sending again.",
    "oauth": "Access tokens: how to get them, end them, and ask about them.",
    "signing keys": "The keys that sign access tokens.",
    "admin tokens": "Who may use the admin API.",
    "partners": "The organisations that call the API.",
    "clients": "OAuth clients of partners.",
    "merchants": "Whom payments and events are about.",
    "limits": "How much partners and clients may ask for.",
    "audit": "Who changed what.",
    "queue": "What is due and why it was not sent yet.",
    "about": "What the service says about itself.",
    "webhooks": "What merchants' endpoints receive. Verify each with any Standard Webhooks library.",
}


def description_of(route: Route[Any]) -> str:
    """What its handler promises, what may be asked for, and what a caller needs."""
    asked = None if route.query is None else route.query.__doc__
    parts = [
        _said(route.handler.__doc__, route.sentence),
        _said(asked, ""),
        _needs(route),
    ]
    return "\n\n".join(part for part in parts if part)


def _said(docstring: str | None, before: str) -> str:
    """A docstring that says more than what stands before it."""
    text = inspect.cleandoc(docstring or "")
    return "" if len(text) < _LENGTH_MIN or text.rstrip(".").lower() in before.lower() else text


def _needs(route: Route[Any]) -> str:
    scope = f"Scope `{route.scope}`. " if route.access is Access.PARTNER and route.scope is not None else ""
    limit = f"Limit `{route.limit}`." if route.limit is not LimitClass.UNLIMITED else ""
    return scope + limit
