"""An operation of the document, or a webhook, as an article of the page."""

import json
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from gateway.docs.html import code, element, example, joined, link, markdown, table
from gateway.docs.types import notes, type_of
from gateway.openapi.answers import EVERYWHERE

Json = dict[str, Any]
# Said once for all operations, so that what is an operation's own stands out.
_SAID_BEFORE = {*EVERYWHERE, "Request-Timeout", "DPoP"}
_ORIGIN = "https://api.example.com"


def article(method: str, path: str, operation: Json, document: Json) -> Markup:
    """All that the document says of an operation."""
    parts = [
        element("h3", link(operation["operationId"], operation["summary"])),
        element("p", joined([_method(method), " ", code(path)]), class_="call"),
        markdown(operation.get("description", "")),
        _parameters(operation.get("parameters", [])),
        _body(operation),
        _curl(method, path, operation) if path.startswith("/") else "",
        _answers(operation, document),
    ]
    return element("article", joined(parts), id=operation["operationId"])


def entry(method: str, operation: Json) -> Markup:
    """The operation in the table of contents."""
    return element("li", link(operation["operationId"], joined([_method(method), " ", operation["summary"]])))


def _method(method: str) -> Markup:
    return element("b", method.upper(), class_=f"method {method}")


def _parameters(parameters: list[Json]) -> Markup:
    rows = [
        (
            joined([code(each["name"]), element("small", f" {each['in']}{', required' if each['required'] else ''}")]),
            type_of(each["schema"]),
            joined([markdown(each.get("description", "")), notes(each["schema"])]),
        )
        for each in parameters
        if each["name"] not in _SAID_BEFORE
    ]
    return table(("Parameter", "Type", ""), rows)


def _body(operation: Json) -> Markup:
    if "requestBody" not in operation:
        return Markup("")
    [(media, content)] = operation["requestBody"]["content"].items()
    said = Markup("<p>Body: {}, {}</p>").format(code(media), type_of(content.get("schema")))
    return joined([said, example(content["example"], "Example of a body") if "example" in content else ""])


def _curl(method: str, path: str, operation: Json) -> Markup:
    """A call that can be pasted into a shell."""
    words = ["curl", *(["-X", method.upper()] if method not in {"get", "post"} else []), *_credentials(operation)]
    for each in operation["parameters"]:
        if each["in"] == "header" and "example" in each:
            words += ["-H", f"{each['name']}: {each['example']}"]
    words += _data(operation)
    if method == "post" and "-d" not in words:  # which makes it one
        words += ["-X", "POST"]
    words.append(_ORIGIN + path + _required_query(operation))
    shown = " ".join(word if word.startswith("-") or word == "curl" else f"'{_quoted(word)}'" for word in words)
    return element("details", joined([element("summary", "With curl"), element("pre", code(shown))]))


def _required_query(operation: Json) -> str:
    """The parameters that a call cannot do without, each with an example."""
    wanted = [each for each in operation["parameters"] if each["in"] == "query" and each["required"]]
    return "?" + urlencode({each["name"]: _shown_value(each) for each in wanted}) if wanted else ""


def _shown_value(parameter: Json) -> str:
    schema = parameter["schema"]
    examples = [*schema.get("examples", []), *schema.get("enum", []), parameter["name"].upper()]
    return str(examples[0])


def _credentials(operation: Json) -> list[str]:
    schemes = {name for alternative in operation["security"] for name in alternative}
    if "client" in schemes:
        return ["-u", "CLIENT_ID:CLIENT_SECRET"]
    return ["-H", "Authorization: Bearer TOKEN"] if schemes else []


def _data(operation: Json) -> list[str]:
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        if "example" in content:
            is_form = media.endswith("urlencoded")
            text = urlencode(content["example"]) if is_form else json.dumps(content["example"], ensure_ascii=False)
            return [*([] if is_form else ["-H", f"Content-Type: {media}"]), "-d", text]
    return []


def _quoted(word: str) -> str:
    return word.replace("'", "'\\''")


def _answers(operation: Json, document: Json) -> Markup:
    """Statuses that every operation may answer are left to the page's list of codes."""
    rows = []
    for status, response in operation["responses"].items():
        name = response.get("$ref", "").rpartition("/")[2]
        if name and set(name.split(".")) <= _SAID_BEFORE:
            continue
        found = document["components"]["responses"][name] if name else response
        rows.append((code(status), markdown(found["description"]), _contents(found)))
    return table(("Answer", "", "Body"), rows)


def _contents(response: Json) -> Markup:
    """The types of an answer's body, its examples and the names of its headers."""
    parts: list[Any] = []
    for media, content in response.get("content", {}).items():
        if "problem" not in media:
            parts.append(element("p", type_of(content.get("schema"))))
        examples = {name: each["value"] for name, each in content.get("examples", {}).items()}
        if "example" in content:
            examples["Example"] = content["example"]
        parts += [example(value, name) for name, value in examples.items()]
    names = [name for name in response.get("headers", {}) if not name.startswith(("X-Request", "RateLimit"))]
    if names:
        parts.append(element("small", Markup("Headers: {}").format(joined(map(code, names), ", "))))
    return joined(parts)
