"""RFC 9457 problem documents, and the one table from errors to statuses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import asyncpg
from aiohttp import web

from gateway.problems.codes import STATUS_OF, meaning
from gateway.problems.errors import (
    ExceedsLimit,
    InsufficientScope,
    Malformed,
    RateLimited,
    RequestTimeout,
    TooLarge,
    Unauthenticated,
    UnsupportedMedia,
)
from kernel.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    ThreadneedleError,
    Unavailable,
)

# The status of an error is its class's; the first row that fits decides.
STATUSES: tuple[tuple[type[ThreadneedleError], int], ...] = (
    (Invalid, 422),
    (Unauthenticated, 401),
    (Malformed, 400),
    (UnsupportedMedia, 415),
    (TooLarge, 413),
    (RequestTimeout, 408),
    (RateLimited, 429),
    (NotFound, 404),
    (Conflict, 409),
    (Forbidden, 403),
    (Refused, 400),
    (Unavailable, 503),
    (ThreadneedleError, 500),
)

# Codes with a status of their own: the Idempotency-Key draft (§2.7) asks 422 for a key that comes with another body;
# a bank's limit is a limit.
STATUS_OF_CODE: Mapping[str, int] = {"idempotency_key_reused": 422, "bank_read_limit": 429}

# PostgreSQL is away, full or shutting down: the same request may succeed later.
DATABASE_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
)

_WRONG_FIELD = FieldError(pointer="/amount/currency", code="unknown_currency", message="Expected an ISO 4217 code.")

# What a caller should do, where the error itself does not say.
ACTIONS: Mapping[int, str] = {
    400: "Correct the request; repeating it as it stands will not help.",
    401: "Authenticate and repeat the request: partners with a new access token, admins with an admin API token.",
    403: "Use credentials that carry the scope, or ask for it.",
    404: "Check the id, and that it belongs to this environment.",
    405: "Use one of the methods named in Allow.",
    408: "Send the whole body at once; with the same Idempotency-Key where the request has one.",
    409: "Read the resource's present state before you decide.",
    413: "Send less in one request.",
    415: "Send application/json in UTF-8, without a content encoding.",
    417: "Leave out Expect, or send Expect: 100-continue.",
    422: "Correct the fields named in errors and send the request again.",
    429: "Wait as long as Retry-After says, then repeat the request.",
    431: "Send fewer or shorter headers.",
    500: "Repeat the request with the same Idempotency-Key; if it keeps failing, tell us the request_id.",
    503: "Repeat the request with the same Idempotency-Key after Retry-After.",
}

# Codes whose title and action are not those of their status.
_TITLE_AND_ACTION: Mapping[str, tuple[str, str]] = {
    "bank_read_limit": (
        "The bank's limit of reads is reached.",
        "Wait as long as Retry-After says, or read with the holder present; max_stale takes balances that are kept.",
    ),
    "bank_exists": (
        "There is a bank of this id.",
        "Read the bank of this id: change that one, or choose another id for the new one.",
    ),
    "bank_reference_mismatch": (
        "The bank's reference is another.",
        "Look in the bank's books again: copy the reference of this payment, or leave bank_reference out.",
    ),
    "evidence_outdated": (
        "The payment has changed since.",
        "Read the payment, look in the bank's books again, and propose anew if it still holds.",
    ),
    "evidence_refused": (
        "The payment's state does not allow this verdict.",
        "Compare the payment with the bank's books, and propose one of the verdicts that the detail names.",
    ),
    "evidence_too_early": (
        "The evidence was seen too early.",
        "Look in the bank's books again after a few minutes, and propose what you see then.",
    ),
    "proposal_replaced": (
        "A newer proposal stands in place of this one.",
        "List the payment's evidence and confirm its newest proposal, or propose again.",
    ),
    "second_person_required": ("A second person is required.", "Let another admin confirm it."),
    "client_suspended": ("The client is suspended.", "Ask us why; a new token does not help."),
    "client_limited_to_merchants": (
        "The client is limited to some merchants.",
        "Use a client of yours that is not, or name what belongs to one of its merchants.",
    ),
    "address_not_allowed": ("The client is limited to other addresses.", "Call from an address that we agreed on."),
    "invalid_dpop_proof": (
        "The DPoP proof is not accepted.",
        "Make a new proof for each request, for its method and URL (RFC 9449 §4.2).",
    ),
    "use_dpop_nonce": (
        "The DPoP proof needs a nonce of ours.",
        "Repeat the request with a new proof that carries the nonce in the header DPoP-Nonce.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem document with its status and the headers that belong to it."""

    status: int
    code: str
    title: str
    detail: str
    action: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    policies: Sequence[str] = ()

    def document(self, request_id: str) -> dict[str, Any]:
        """The members of RFC 9457 §3.1 and ours: code, errors, recommended_action, request_id.

        `violated-policies` is the member of draft-ietf-httpapi-ratelimit-headers-10 (its problem type quota-exceeded).
        """
        document: dict[str, Any] = {
            "type": f"/problems/{self.code.replace('_', '-')}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "recommended_action": self.action,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = [_field(error) for error in self.errors]
        if self.policies:
            document["violated-policies"] = list(self.policies)
        return document


def problem_of(error: Exception) -> Problem:
    """The problem that an exception is to the caller; one that nobody expected says nothing of itself."""
    if isinstance(error, ThreadneedleError):
        return _known(error)
    if isinstance(error, web.HTTPException):
        return _http(error)
    if isinstance(error, DATABASE_AWAY):
        return _known(Unavailable())
    return Problem(
        status=500,
        code="internal_error",
        title="The request could not be served.",
        detail="Something went wrong on our side.",
        action=ACTIONS[500],
    )


def example_of(code: str) -> Problem:
    """The problem of a code (gateway.problems.codes) in its usual words, for documents about it."""
    status = STATUS_OF[code]
    kind = next((kind for kind, its in STATUSES if its == status), None)
    usual = (f"{HTTPStatus(status).phrase}." if kind is None else kind.title(), ACTIONS[status])
    title, action = _TITLE_AND_ACTION.get(code, usual)
    errors = [_WRONG_FIELD] if code == Invalid.code else []
    return Problem(status=status, code=code, title=title, detail=meaning(code), action=action, errors=errors)


def status_of(error: ThreadneedleError) -> int:
    """The status by the tables above."""
    by_class = next(status for kind, status in STATUSES if isinstance(error, kind))
    return STATUS_OF_CODE.get(error.problem_code, by_class)


def _known(error: ThreadneedleError) -> Problem:
    status = status_of(error)
    usual = (error.title(), ACTIONS.get(status, ACTIONS[400]))
    title, action = _TITLE_AND_ACTION.get(error.problem_code, usual)
    return Problem(
        status=status,
        code=error.problem_code,
        title=title,
        detail=error.detail,
        action=error.action or action,
        errors=error.errors if isinstance(error, Invalid) else (),
        headers=_headers(error),
        policies=error.policies if isinstance(error, RateLimited) else (),
    )


def _headers(error: ThreadneedleError) -> dict[str, str]:
    match error:
        case Unauthenticated() | InsufficientScope():
            return dict(error.headers)
        case ExceedsLimit():
            return dict(error.headers)
        case RateLimited():
            return {**error.headers, "Retry-After": str(error.retry_after_seconds)}
        case Unavailable():
            return {"Retry-After": str(error.retry_after_seconds)}
        case _:
            return {}


def _http(error: web.HTTPException) -> Problem:
    """What aiohttp itself refuses: no route, another method, a body over the hard cap."""
    status = error.status
    phrase = HTTPStatus(status).phrase
    detail, action = _NO_PATH if status == HTTPStatus.NOT_FOUND else (f"{phrase}.", ACTIONS.get(status, ACTIONS[400]))
    allow = error.headers.get("Allow")
    return Problem(
        status=status,
        code=_HTTP_CODES.get(status, phrase.lower().replace(" ", "_").replace("-", "_")),
        title=f"{phrase}.",
        detail=detail,
        action=action,
        headers={"Allow": allow} if allow else {},
    )


_NO_PATH = ("There is no such path.", "Compare the path with those of /openapi.json; none of them ends with a slash.")
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type"}


def _field(error: FieldError) -> dict[str, str]:
    return {"pointer": error.pointer, "code": error.code, "message": error.message}
