"""What a route answers: its good answers, and every problem that its columns say it may refuse with."""

from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from typing import Any

from gateway.http.route import Access, Route
from gateway.limits.policy import LimitClass
from gateway.openapi import headers
from gateway.openapi.parameters import waits
from gateway.openapi.schemas import Json, Names, reference
from gateway.openapi.security import is_form
from gateway.problems.codes import STATUS_OF, meaning
from gateway.problems.document import example_of
from gateway.reach import is_closed
from gateway.schemas.documents import TokenErrorOut
from gateway.schemas.pages import ProblemOut

JSON, PROBLEM = "application/json", "application/problem+json"
# What every request may be refused with, whatever its route.
EVERYWHERE = (
    *("malformed_request", "request_timeout", "expectation_failed", "validation_failed", "head_too_large"),
    *("internal_error", "deadline_passed", "overloaded", "temporarily_unavailable"),
)
_BODY = ("body_too_large", "unsupported_media_type")
_OF_ACCESS = {
    Access.PARTNER: (
        *("unauthenticated", "invalid_token", "invalid_dpop_proof", "use_dpop_nonce", "client_suspended"),
        *("insufficient_scope", "address_not_allowed"),
    ),
    Access.ADMIN: ("unauthenticated",),
    Access.OPEN: (),
}
_WAITED = "The bank's word has not come within the wait. The payment goes on, and you hear of it."
_OAUTH_ERRORS = (HTTPStatus.BAD_REQUEST.value, HTTPStatus.UNAUTHORIZED.value)


def answers(route: Route[Any], names: Names, examples: Json) -> Json:
    """All of a route's, by status."""
    refused = {str(status): _refusal(route, status, names) for status in sorted({STATUS_OF[c] for c in codes(route)})}
    made = {str(status): _good(route, status, names, examples) for status in _good_statuses(route)}
    oauth = {str(status): _oauth_error(route, status, names) for status in _OAUTH_ERRORS} if is_form(route) else {}
    shown = {str(status): _page(route, status, names) for status in route.pages}
    return dict(sorted({**refused, **oauth, **made, **shown}.items()))


def codes(route: Route[Any]) -> frozenset[str]:
    """The codes of all problems that the route may answer."""
    found = {*EVERYWHERE, *_OF_ACCESS[route.access], *route.refuses}
    found |= {"rate_limited"} if route.limit is not LimitClass.UNLIMITED else set()
    found |= set(_BODY) if route.raw or route.request is not None else set()
    found |= {"malformed_json"} if route.request is not None and not route.raw else set()
    found |= {"client_limited_to_merchants"} if route.access is Access.PARTNER and is_closed(route) else set()
    found |= {"not_found"} if "{" in route.path else set()
    return frozenset(found | ({"idempotency_key_reused"} if route.once else set()))


def response_components(routes: Iterable[Route[Any]], names: Names) -> Json:
    """The refusals that routes share, by name."""
    groups = {_group(route, status) for route in routes for status in {STATUS_OF[c] for c in codes(route)}}
    return {_name(group): _problem(group, names) for group in sorted(groups)}


def _good_statuses(route: Route[Any]) -> list[int]:
    return [route.status, *((202,) if waits(route) else ()), *route.others]


def _good(route: Route[Any], status: int, names: Names, examples: Json) -> Json:
    bound = (headers.NONCE,) if route.access is Access.PARTNER else ()
    metered = headers.METERED if route.limit is not LimitClass.UNLIMITED else ()
    made: Json = {
        "description": _WAITED if status == HTTPStatus.ACCEPTED and waits(route) else HTTPStatus(status).phrase + ".",
        "headers": headers.references([*headers.ALWAYS, *metered, *bound, *route.gives]),
    }
    model = route.others.get(status, route.response)
    if model is not None:
        content: Json = {"schema": reference(names[model])}
        if str(status) in examples:
            content["example"] = examples[str(status)]
        made["content"] = {JSON: content}
    elif status != HTTPStatus.NO_CONTENT:
        made["content"] = {"*/*": {}}
    return made


def _refusal(route: Route[Any], status: int, names: Names) -> Json:
    if status in route.others:
        return _good(route, status, names, {})
    return {"$ref": f"#/components/responses/{_name(_group(route, status))}"}


def _group(route: Route[Any], status: int) -> tuple[str, ...]:
    return tuple(sorted(code for code in codes(route) if STATUS_OF[code] == status))


def _name(group: tuple[str, ...]) -> str:
    return ".".join(group)


def _problem(group: tuple[str, ...], names: Names) -> Json:
    status = STATUS_OF[group[0]]
    given = [*headers.ALWAYS, *headers.OF_STATUS.get(status, ()), *headers.METERED]
    return {
        "description": "\n".join(f"- `{code}`: {meaning(code)}" for code in group),
        "headers": headers.references(given),
        "content": {
            PROBLEM: {
                # The type itself: generators of clients drop an answer whose type is narrowed by allOf.
                "schema": reference(names[ProblemOut]),
                "examples": {code: {"value": _example(code)} for code in group},
            }
        },
    }


@cache
def _example(code: str) -> Json:
    return example_of(code).document("5f0c1d2e3a4b5c6d7e8f9a0b")


def _page(route: Route[Any], status: int, names: Names) -> Json:
    """A page for people; what is refused before the handler is reached is a problem all the same."""
    group = _group(route, status)
    problem = _problem(group, names)["content"] if group else {}
    return {
        "description": f"A page that says what became of it. {HTTPStatus(status).phrase}.",
        "headers": headers.references(headers.ALWAYS),
        "content": {"text/html": {"schema": {"type": "string"}}, **problem},
    }


def _oauth_error(route: Route[Any], status: int, names: Names) -> Json:
    """An OAuth error (RFC 6749 §5.2); what is refused before the endpoint is reached is a problem all the same."""
    error = "invalid_client" if status == HTTPStatus.UNAUTHORIZED else "invalid_request"
    group = _group(route, status)
    problem = _problem(group, names)["content"] if group else {}
    return {
        "description": "An OAuth error (RFC 6749 §5.2).",
        "headers": headers.references(
            [*headers.ALWAYS, headers.NONCE, *headers.OF_STATUS.get(status, ()), *headers.METERED]
        ),
        "content": {JSON: {"schema": reference(names[TokenErrorOut]), "example": {"error": error}}, **problem},
    }
