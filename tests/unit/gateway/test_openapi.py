from collections.abc import Sequence
from typing import Any

import jsonschema_rs
import orjson
import pytest
from pydantic import BaseModel, ValidationError

from gateway.admin.routes import ADMIN_ROUTES
from gateway.http.route import Access, Route
from gateway.limits.policy import LimitClass
from gateway.openapi import ADMIN, PARTNERS, document
from gateway.routes import PUBLIC_ROUTES

TABLES = pytest.mark.parametrize("routes", [PUBLIC_ROUTES, ADMIN_ROUTES], ids=["public", "admin"])
Routes = Sequence[Route[Any]]


def made_of(routes: Routes) -> dict[str, Any]:
    """The document of a table."""
    return document(routes, ADMIN if routes is ADMIN_ROUTES else PARTNERS)


@TABLES
def test_table_and_document_agree(routes: Routes) -> None:
    """Each route stands in the document with its sentence, scope, success status and types, and nothing else does."""
    made = made_of(routes)
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
    if route.access is Access.ADMIN:
        return [{"admin_token": []}]
    return [{"client": []}, {"client_certificate": []}, {}] if route.raw and route.request is not None else []


@TABLES
def test_every_route_has_a_sentence_a_handler_and_a_tag(routes: Routes) -> None:
    """A reader of the table or of the document is told what each route does."""
    for route in routes:
        assert route.sentence.endswith("."), route.path
        assert route.handler.__doc__, route.path
        assert route.tag, route.path


@TABLES
def test_every_reference_leads_somewhere(routes: Routes) -> None:
    """The document is closed: each $ref names a component that it holds."""
    made = made_of(routes)
    known = {f"#/components/{kind}/{name}" for kind, named in made["components"].items() for name in named}
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
    assert orjson.loads(orjson.dumps(made_of(PUBLIC_ROUTES)))["openapi"] == "3.1.0"


def test_money_moves_only_with_a_key() -> None:
    """The routes that move money or ask a person say so in the table, and with it in the document."""
    moving = {(route.method, route.path) for route in PUBLIC_ROUTES if route.once}
    assert moving == {("POST", "/v1/payments"), ("POST", "/v1/consents")}


def test_what_a_handler_reads_and_answers_itself_is_told() -> None:
    """The token endpoint's form and errors, a notification's bytes, and the two answers of a cancel."""
    paths = made_of(PUBLIC_ROUTES)["paths"]
    token = paths["/oauth/token"]["post"]
    assert list(token["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]
    assert token["responses"].keys() >= {"200", "400", "401", "429"}
    assert "409" not in token["responses"]
    notification = paths["/banks/{bank_id}/notifications"]["post"]
    assert list(notification["requestBody"]["content"]) == ["*/*"]
    cancel = paths["/v1/payments/{payment_id}/cancel"]["post"]
    assert [status for status in cancel["responses"] if status < "300"] == ["200", "202"]


@TABLES
def test_every_parameter_says_what_it_is(routes: Routes) -> None:
    """Parts of paths, queries and headers have a sentence and a type each."""
    for methods in made_of(routes)["paths"].values():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                assert parameter["description"].endswith("."), parameter
                assert parameter["schema"], parameter


@TABLES
def test_every_body_has_an_example_that_holds_to_its_type(routes: Routes) -> None:
    """What can be sent is taken as it is shown, and what is shown of answers is what they are made of."""
    made = made_of(routes)["paths"]
    for route in routes:
        operation = made[route.path][route.method.lower()]
        if route.request is not None:
            [content] = operation["requestBody"]["content"].values()
            assert "example" in content, f"examples.json has no request of {route.handler.__name__}"
            route.request.model_validate_json(orjson.dumps(content["example"]))
        for status, model in {route.status: route.response, **route.others}.items():
            if model is not None:
                [content] = operation["responses"][str(status)]["content"].values()
                assert "example" in content, f"examples.json has no answer {status} of {route.handler.__name__}"
                model.model_validate(content["example"])


@TABLES
def test_no_example_is_of_an_operation_that_is_gone(routes: Routes) -> None:
    """Examples go with their operations."""
    surface = ADMIN if routes is ADMIN_ROUTES else PARTNERS
    assert surface.examples.keys() <= {route.handler.__name__ for route in routes}


@TABLES
def test_an_answer_shows_the_headers_that_belong_to_its_status(routes: Routes) -> None:
    """401 says how to authenticate, 429 and 503 when to try again, and what is metered shows its limits."""
    made = made_of(routes)
    for route in routes:
        responses = made["paths"][route.path][route.method.lower()]["responses"]
        for status, name in (("401", "WWW-Authenticate"), ("429", "Retry-After"), ("503", "Retry-After")):
            if status in responses and int(status) not in route.others:
                assert name in _resolved(made, responses[status])["headers"], (route.path, status)
        is_metered = "RateLimit" in responses[str(route.status)]["headers"]
        assert is_metered == (route.limit is not LimitClass.UNLIMITED), route.path


def _resolved(made: dict[str, Any], response: dict[str, Any]) -> Any:
    name = response.get("$ref", "").rpartition("/")[2]
    return made["components"]["responses"][name] if name else response


def test_every_webhook_of_ours_is_described_with_what_signs_it() -> None:
    """One webhook for each type that we emit, whose body holds its example, with the headers of Standard Webhooks."""
    made = made_of(PUBLIC_ROUTES)
    assert made["webhooks"].keys() == PARTNERS.events.keys()
    for name, methods in made["webhooks"].items():
        operation = methods["post"]
        headers = {parameter["name"] for parameter in operation["parameters"] if parameter["required"]}
        assert headers >= {"webhook-id", "webhook-timestamp", "webhook-signature"}
        content = operation["requestBody"]["content"]["application/json"]
        whole = {**content["schema"], "components": made["components"]}
        jsonschema_rs.validator_for(whole).validate(content["example"])
        assert content["example"]["type"] == name


def test_answers_may_grow_and_requests_may_not() -> None:
    """A client made from the document takes members that are added to answers, and knows that requests are closed."""
    schemas = made_of(PUBLIC_ROUTES)["components"]["schemas"]
    assert schemas["PaymentIn"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["PaymentOut"]


@TABLES
def test_generators_of_clients_can_read_every_refusal(routes: Routes) -> None:
    """A refusal has the one type of problems, not narrowed by allOf; its codes are named by its examples."""
    made = made_of(routes)
    for name, response in made["components"]["responses"].items():
        content = response["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": "#/components/schemas/ProblemOut"}
        assert set(content["examples"]) == set(name.split("."))


@TABLES
def test_null_is_shown_where_it_is_taken(routes: Routes) -> None:
    """The document allows null for a member if the service does, and shows it as no default."""
    schemas = made_of(routes)["components"]["schemas"]
    for model in {route.request for route in routes if route.request is not None and not route.raw}:
        for name, part in schemas[model.__name__]["properties"].items():
            assert part.get("default", ...) is not None, (model, name)
            is_shown = {"type": "null"} in part.get("anyOf", []) or part == {}
            assert is_shown == _takes_null(model, name), (model, name)


def _takes_null(model: type[BaseModel], name: str) -> bool:
    try:
        model.model_validate({name: None})
    except ValidationError as error:
        return (name,) not in {detail["loc"] for detail in error.errors()}
    return True


def test_a_key_is_asked_for_in_words() -> None:
    """A dry run is asked without a key, so a generated client must be able to leave it out; the curl call shows it."""
    operation = made_of(PUBLIC_ROUTES)["paths"]["/v1/payments"]["post"]
    [key] = [each for each in operation["parameters"] if each["name"] == "Idempotency-Key"]
    assert key["required"] is False
    assert key["description"].startswith("Required, except for a dry run")


def test_what_a_client_may_show_is_described() -> None:
    """The form's members of every way to authenticate, and the header of DPoP wherever a proof is read."""
    made = made_of(PUBLIC_ROUTES)
    proofs = {"client_id", "client_secret", "client_assertion", "client_assertion_type"}
    for name in ("TokenIn", "InspectedTokenIn"):
        assert proofs <= made["components"]["schemas"][name]["properties"].keys()
    for route in PUBLIC_ROUTES:
        names = {each["name"] for each in made["paths"][route.path][route.method.lower()]["parameters"]}
        assert ("DPoP" in names) == (route.access is Access.PARTNER or route.path == "/oauth/token"), route.path
