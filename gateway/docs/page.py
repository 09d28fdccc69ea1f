"""The page as a whole, made once from the OpenAPI document. No script runs, and its one style is inside it."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from markupsafe import Markup

from gateway.docs.html import code, element, joined, link, markdown, table
from gateway.docs.operations import article, entry
from gateway.docs.types import fields, notes, place_of, type_of
from gateway.problems.codes import CODES

Json = dict[str, Any]
_STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# Nothing may be loaded, run, framed or sent; of styles only the page's own.
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = Markup(
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
    "<style>{style}</style></head><body><nav>{contents}</nav><main>{main}</main></body></html>\n"
)


def page(document: Json) -> bytes:
    """The HTML of an OpenAPI document, in UTF-8."""
    info = document["info"]
    main = [
        element("h1", info["title"], id="top"),
        Markup('<p class="about">OpenAPI {}, also as <a href="openapi.json">openapi.json</a>.</p>').format(
            document["openapi"]
        ),
        markdown(info["description"]),
        *_security(document),
        *_sections(document),
        *_codes(),
        *_types(document),
    ]
    made = _PAGE.format(
        title=info["title"],
        style=Markup(_STYLE),  # noqa: S704 - our own file
        contents=_contents(document),
        main=joined(main),
    )
    return made.encode()


def _operations(document: Json, tag: str) -> Iterator[tuple[str, str, Json]]:
    """Method, path and operation of everything that has the tag; a webhook's path is its type."""
    for part in ("paths", "webhooks"):
        for path, methods in document.get(part, {}).items():
            for method, operation in methods.items():
                if tag in operation["tags"]:
                    yield method, path, operation


def _contents(document: Json) -> Markup:
    parts: list[Any] = [element("p", link("top", document["info"]["title"]))]
    for tag in document["tags"]:
        entries = joined(entry(method, operation) for method, _, operation in _operations(document, tag["name"]))
        heading = element("summary", tag["name"].capitalize())
        parts.append(element("details", joined([heading, element("ul", entries)]), open="open"))
    ends = [("security", "Security"), ("codes", "Codes of problems"), ("types", "Types")]
    return joined([*parts, element("ul", joined(element("li", link(*each)) for each in ends))])


def _security(document: Json) -> Iterator[Markup]:
    yield element("h2", "Security", id="security")
    for name, scheme in document["components"]["securitySchemes"].items():
        yield element("h3", code(name))
        yield markdown(scheme.get("description", ""))
        scopes = scheme.get("flows", {}).get("clientCredentials", {}).get("scopes", {})
        yield table(("Scope", "Allows"), [(code(scope), sentence) for scope, sentence in scopes.items()])


def _sections(document: Json) -> Iterator[Markup]:
    for tag in document["tags"]:
        yield element("h2", tag["name"].capitalize(), id="tag-" + tag["name"].replace(" ", "-"))
        yield markdown(tag["description"])
        for method, path, operation in _operations(document, tag["name"]):
            yield article(method, path, operation, document)


def _codes() -> Iterator[Markup]:
    yield element("h2", "Codes of problems", id="codes")
    rows = [(code(name), code(status), text) for status, codes in CODES.items() for name, text in codes.items()]
    yield table(("Code", "Status", "When"), [(name, status, markdown(text)) for name, status, text in rows])


def _types(document: Json) -> Iterator[Markup]:
    yield element("h2", "Types", id="types")
    for name, schema in sorted(document["components"]["schemas"].items()):
        shown = fields(schema) if "properties" in schema else joined([type_of(schema), notes(schema)])
        said = markdown(schema["description"]) if "properties" in schema and "description" in schema else ""
        yield element("article", joined([element("h3", link(place_of(name), name)), said, shown]), id=place_of(name))
