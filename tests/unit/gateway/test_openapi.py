from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from gateway.admin.routes import ADMIN_ROUTES
from gateway.http.route import Access, Route
from gateway.openapi import document
from gateway.routes import PUBLIC_ROUTES

TABLES = pytest.mark.parametrize("routes", [PUBLIC_ROUTES, ADMIN_ROUTES], ids=["public", "admin"])
Routes = Sequence[Route[Any]]


@TABLES
def test_table_and_document_agree(routes: Routes) -> None:
    """Each route stands in the document with its sentence, scope, success status and types, and nothing else does."""
    made = document(routes, "Threadneedle")
    listed = {(method.upper(), path) for path, methods in made["paths"].items() for method in methods}
    assert listed == {(route.method, route.path) for route in routes}
    for route in routes:
        operation = made["paths"][route.path][route.method.lower()]
        assert operation["summary"] == route.sentence
        assert {str(status) for status in (route.status, *route.others)} <= operation["responses"].keys()
        assert ("requestBody" in operation) == (route.raw or route.request is not None)
        assert operation["security"] == _security(route)


def _security(route: Route[Any]) -> list[Any]:
    if route.access is Access.PARTNER:
        assert route.scope is not None, route.path
        return [{"oauth": [route.scope.value]}]
    return [{"admin_token": []}] if route.access is Access.ADMIN else []


@TABLES
def test_every_route_has_a_sentence_a_handler_and_a_tag(routes: Routes) -> None:
    """A reader of the table or of the document is told what each route does."""
    for route in routes:
        assert route.sentence.endswith("."), route.path
        assert route.handler.__doc__, route.path
        assert route.tag, route.path


@TABLES
def test_every_reference_leads_somewhere(routes: Routes) -> None:
    """The document is closed: each $ref names a schema that it holds."""
    made = document(routes, "Threadneedle")
    known = {f"#/components/schemas/{name}" for name in made["components"]["schemas"]}
    assert _references(made) <= known


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(_references(inner) for inner in value.values()))
    return set().union(*(_references(inner) for inner in value)) if isinstance(value, list) else set()


@TABLES
def test_operations_have_names_of_their_own(routes: Routes) -> None:
    """Generated clients need one name per operation."""
    names = [route.handler.__name__ for route in routes]
    assert len(set(names)) == len(names)


def test_the_document_is_json() -> None:
    """Nothing of it is a Python object only."""
    assert orjson.loads(orjson.dumps(document(PUBLIC_ROUTES, "Threadneedle")))["openapi"] == "3.1.0"


def test_money_moves_only_with_a_key() -> None:
    """The routes that move money say so in the table, and with it in the document."""
    moving = {(route.method, route.path) for route in PUBLIC_ROUTES if route.once}
    assert moving == {("POST", "/v1/payments")}


def test_what_a_handler_reads_and_answers_itself_is_told() -> None:
    """The token endpoint's form and errors, a notification's bytes, and the two answers of a cancel."""
    paths = document(PUBLIC_ROUTES, "Threadneedle")["paths"]
    token = paths["/oauth/token"]["post"]
    assert list(token["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]
    assert token["responses"].keys() >= {"200", "400", "401", "429"}
    assert "409" not in token["responses"]
    notification = paths["/banks/{bank_id}/notifications"]["post"]
    assert list(notification["requestBody"]["content"]) == ["*/*"]
    cancel = paths["/v1/payments/{payment_id}/cancel"]["post"]
    assert [status for status in cancel["responses"] if status < "300"] == ["200", "202"]
