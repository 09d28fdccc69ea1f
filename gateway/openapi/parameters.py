"""What stands in a request beside its body: parts of the path, parameters of the query, headers."""

import re
from typing import Any

from gateway.http.route import Access, Route
from gateway.openapi import headers
from gateway.openapi.schemas import Json, query_schemas
from gateway.schemas.payments import PaymentOut
from kernel.ids import Kind

_NAMES = re.compile(r"\{(\w+)\}")
_ID = "[0-9a-hjkmnp-tv-z]{26}$"
_OWN: dict[str, tuple[str, Json]] = {
    "bank_id": ("A bank's id.", {"pattern": "^[a-z][a-z0-9-]{1,39}$", "examples": ["sandbox"]}),
    "day": ("A day in UTC.", {"format": "date", "examples": ["2026-11-22"]}),
    "tier": ("The name of a tier.", {"pattern": "^[a-z][a-z0-9-]{0,39}$", "examples": ["standard"]}),
    "environment": ("The environment of the partner.", {"enum": ["test", "live"]}),
    "name": ("The name of a type of events.", {"pattern": r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$"}),
    "version": ("The number of a version.", {"pattern": "^[0-9]{1,4}$", "examples": ["1"]}),
}
_OF_NO_ENVIRONMENT = {Kind.PARTNER, Kind.ADMIN_TOKEN}
_KINDS = {f"{kind.name.lower()}_id": kind for kind in Kind}
_QUERY = {
    "action": "Only those with this action, e.g. `client.changed`.",
    "actor": "Only those by this actor: an admin token's id, or what the command line says.",
    "bank_id": "Only those at this bank.",
    "booked_from": "Only those booked on this day or later.",
    "booked_to": "Only those booked on this day or earlier.",
    "cause": "Only those whose last attempt had this cause.",
    "consent_id": "Only those of this consent, as its bank lists them.",
    "created_from": "Only those made at this time or later.",
    "cursor": "Where to go on: the `next_cursor` of the page before, as it is.",
    "delivery_id": "Only those of this delivery.",
    "dry_run": "Check everything and show what the bank would get, without making the payment.",
    "endpoint_id": "Only those of this endpoint.",
    "environment": "In which environment.",
    "error_class": "Only those whose last attempt failed so.",
    "event_id": "Only those of this event.",
    "limit": "How many at most.",
    "max_age": "How old the answer may be, in seconds.",
    "max_stale": "How much older it may be where the bank cannot be read now, in seconds.",
    "merchant_id": "Only those of this merchant.",
    "needs_operator": "Only those with something open that no machine can end; `false`: only a partner's others.",
    "partner_id": "Of which partner.",
    "payment_id": "Only those about this payment.",
    "reason": "Only those with one of these reasons; several with commas between.",
    "replay_id": "Only those that this replay made due.",
    "since": "From this time on; of gaps: after this number.",
    "state": "Only those in one of these states; several with commas between.",
    "status": "Only those in this status.",
    "status_class": "Only those whose last attempt was answered with such a status.",
    "status_code": "Only those whose last attempt was answered with this status.",
    "target": "Only those that changed this: an id, as the log names it.",
    "types": "Only events of these types; patterns such as `order.*`, several with commas between.",
    "until": "Up to this time.",
    "version": "Which version; otherwise the current one.",
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Required, except for a dry run, which takes no notice of it: a key of yours for this payment or "
    "consent, made and stored before it is sent. The same request with the same key is the same one, however often and "
    "by whichever of your clients it is sent; another body with it is refused. Without it the answer is 422.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "example": "0193f1c2-invoice-1001",
}
_PATIENCE = {
    "name": "Request-Timeout",
    "in": "header",
    "required": False,
    "description": "How many seconds you will wait for the answer. What is not begun by then is not begun.",
    "schema": {"type": "string", "pattern": r"^[0-9]{1,4}(\.[0-9]{1,3})?$", "examples": ["2.5"]},
}
_PROOF = {
    "name": "DPoP",
    "in": "header",
    "required": False,
    "description": "With a token that is bound to a key, and to get one: a new proof for this request (RFC 9449 §4.2).",
    # No pattern: with a token that is bound to no key the header is not read.
    "schema": {"type": "string", "examples": ["eyJ0eXAiOiJkcG9wK2p3dCJ9.e30.c2lnbmF0dXJl"]},
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "How long to wait for the bank before the answer is 202: `wait=n` in seconds, or `respond-async` "
    "(RFC 7240).",
    "schema": {"type": "string", "examples": ["wait=10", "respond-async"]},
}


_PAYER = [
    {
        "name": "X-Payer-Ip-Address",
        "in": "header",
        "required": False,
        "description": "The address of the account's holder, who is present and waits for this: then the read is none "
        "of the few that banks allow without them. Never send it of somebody who is not.",
        "schema": {"type": "string", "maxLength": 45, "examples": ["203.0.113.7"]},
    },
    {
        "name": "X-Payer-User-Agent",
        "in": "header",
        "required": False,
        "description": "Beside it, what the holder's browser says of itself.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 500, "examples": ["Mozilla/5.0"]},
    },
]


def parameters(route: Route[Any]) -> list[Json]:
    """All of a route's."""
    return [*_path(route), *_query(route), *_headers(route)]


def waits(route: Route[Any]) -> bool:
    """A partner's POST that answers a payment waits for the bank; 202 says that its word has not come yet."""
    return route.method == "POST" and route.access is Access.PARTNER and route.response is PaymentOut


def _path(route: Route[Any]) -> list[Json]:
    return [_part(name) for name in _NAMES.findall(route.path)]


def _part(name: str) -> Json:
    sentence, schema = _OWN[name] if name in _OWN else _identifier(name, _KINDS[name])
    schema = {"type": "string", **schema}
    return {"name": name, "in": "path", "required": True, "description": sentence, "schema": schema}


def _identifier(name: str, kind: Kind) -> tuple[str, Json]:
    """Ids of the test environment say so; partners and admin tokens belong to none."""
    test, example = ("", "") if kind in _OF_NO_ENVIRONMENT else ("(test_)?", "test_")
    sentence = f"The id of the {name.removesuffix('_id').replace('_', ' ')}."
    return sentence, {"pattern": f"^{kind}_{test}{_ID}", "examples": [f"{kind}_{example}01kd4x0000e008000000000001"]}


def _query(route: Route[Any]) -> list[Json]:
    if route.query is None:
        return []
    return [
        {"name": name, "in": "query", "required": required, "description": _QUERY[name], "schema": schema}
        for name, schema, required in query_schemas(route.query)
    ]


def _headers(route: Route[Any]) -> list[Json]:
    given = [_KEY] if route.once else []
    given += [_PREFER] if waits(route) else []
    given += _PAYER if route.payer else []
    given += [_PROOF] if route.access is Access.PARTNER or headers.NONCE in route.gives else []
    return [*given, _PATIENCE]
