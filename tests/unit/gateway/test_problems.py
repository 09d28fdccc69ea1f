import asyncpg
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from pydantic import ValidationError
from structlog.testing import capture_logs

from gateway.http.call import Call
from gateway.http.edge import Edge
from gateway.http.replies import WholeResponse
from gateway.problems.document import STATUSES, problem_of
from gateway.problems.errors import RateLimited, Unauthenticated
from gateway.problems.fields import field_errors, pointer_to
from gateway.schemas.pages import PageQuery
from gateway.schemas.payments import PaymentIn
from kernel.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, ThreadneedleError, Unavailable


def test_every_error_class_has_a_status() -> None:
    """The last row of the table fits every error, so none is without a status."""
    assert STATUSES[-1][0] is ThreadneedleError


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Invalid([]), 422, "validation_failed"),
        (NotFound(), 404, "not_found"),
        (Conflict(code="payment_settled"), 409, "payment_settled"),
        (Conflict(code="idempotency_key_reused"), 422, "idempotency_key_reused"),
        (Unauthenticated(), 401, "unauthenticated"),
        (Unavailable(), 503, "temporarily_unavailable"),
        (web.HTTPNotFound(), 404, "not_found"),
        (web.HTTPMethodNotAllowed("PUT", ["GET"]), 405, "method_not_allowed"),
        (ConnectionError("secret host"), 503, "temporarily_unavailable"),
        (RuntimeError("secret words"), 500, "internal_error"),
    ],
)
def test_each_error_is_one_problem(error: Exception, status: int, code: str) -> None:
    """Status and code are stable, and what went wrong inside is not told."""
    problem = problem_of(error)
    document = problem.document("request-1")
    assert (problem.status, document["status"], document["code"]) == (status, status, code)
    assert document["type"] == f"/problems/{code.replace('_', '-')}"
    assert document["recommended_action"]
    assert document["request_id"] == "request-1"
    assert b"secret" not in orjson.dumps(document)


def test_a_path_that_is_none_is_told_from_an_id_that_is_none() -> None:
    """Who mistypes a path is sent to the list of paths, not to ids."""
    nowhere, nothing = problem_of(web.HTTPNotFound()), problem_of(NotFound())
    assert "path" in nowhere.detail
    assert "/openapi.json" in nowhere.action
    assert "id" in nothing.action


@pytest.mark.parametrize("text", ["many", "1.5", "", "9" * 5000])
def test_what_is_no_number_in_a_query_is_told_so(text: str) -> None:
    """A query is text, so its numbers are read from it; the text is not repeated."""
    with pytest.raises(ValidationError) as refused:
        PageQuery.model_validate({"limit": text})
    (error,) = field_errors(refused.value)
    assert (error.pointer, "whole number" in error.message) == ("/limit", True)


def test_field_errors_are_part_of_the_document() -> None:
    """Each with pointer, code and message."""
    error = FieldError(pointer="/a/0", code="required", message="Send it.")
    document = problem_of(Invalid([error])).document("r")
    assert document["errors"] == [{"pointer": "/a/0", "code": "required", "message": "Send it."}]


def test_headers_belong_to_the_problem() -> None:
    """Retry-After, WWW-Authenticate and the limit's fields come with the errors that know them."""
    limited = RateLimited("x", retry_after_seconds=7, headers={"RateLimit": "a"})
    assert problem_of(limited).headers == {"RateLimit": "a", "Retry-After": "7"}
    assert problem_of(Unavailable(retry_after_seconds=3)).headers == {"Retry-After": "3"}
    assert problem_of(Unauthenticated(challenge="Basic")).headers == {"WWW-Authenticate": "Basic"}
    assert problem_of(web.HTTPMethodNotAllowed("PUT", ["GET"])).headers == {"Allow": "GET"}


def test_pointers_escape_what_rfc_6901_wants_escaped() -> None:
    """~ and / within a name."""
    assert pointer_to(["a/b", "c~d", 0]) == "/a~1b/c~0d/0"


def test_pydantic_errors_never_repeat_what_was_sent() -> None:
    """Every kind of error that the payment type can make, with a marked value: the mark is nowhere."""
    marked = "MARKED-4711"
    sent = {
        "merchant_id": {marked: 1},
        "bank_id": marked,
        "amount": marked,
        "creditor": {"name": [marked], "account": {"sort_code": marked, "account_number": marked, marked: marked}},
        "reference": marked * 9,
        "execute_at": marked,
        "metadata": {marked: {marked: marked}},
        marked: marked,
    }
    with pytest.raises(ValidationError) as raised:
        PaymentIn.model_validate(sent)
    errors = field_errors(raised.value)
    assert len(errors) >= 8
    assert marked not in repr(errors)


def test_what_helps_is_said_where_the_status_alone_would_mislead() -> None:
    """A second person is no scope, and a suspended client needs no new token."""
    alone = problem_of(Forbidden(code="second_person_required"))
    assert alone.action == "Let another admin confirm it."
    suspended = problem_of(Unauthenticated(code="client_suspended"))
    assert (suspended.title, suspended.action) == ("The client is suspended.", "Ask us why; a new token does not help.")


@pytest.mark.parametrize(
    ("error", "status", "event", "level"),
    [
        (asyncpg.CannotConnectNowError("x"), 503, "request.postponed", "warning"),
        (asyncpg.ConnectionDoesNotExistError("x"), 503, "request.postponed", "warning"),
        (asyncpg.InterfaceError("x"), 503, "request.postponed", "warning"),
        (ConnectionRefusedError("x"), 503, "request.postponed", "warning"),
        (RuntimeError("x"), 500, "request.failed", "error"),
    ],
)
async def test_a_database_that_is_away_alarms_nobody(error: Exception, status: int, event: str, level: str) -> None:
    """503 with Retry-After and a warning; what nobody expected stays an error."""

    async def fail(_: Call) -> WholeResponse:
        raise error

    with capture_logs() as logs:
        answer = await Edge(log=lambda *_: None).wrap("/", fail)(make_mocked_request("GET", "/"))
    assert isinstance(answer, WholeResponse)
    assert (answer.status, [(line["event"], line["log_level"]) for line in logs]) == (status, [(event, level)])
    assert ("Retry-After" in answer.fields) == (status == 503)
