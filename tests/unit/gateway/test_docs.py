"""The page at /docs, without a browser."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from gateway.admin.routes import ADMIN_ROUTES
from gateway.docs import CONTENT_SECURITY_POLICY, page
from gateway.openapi import ADMIN, PARTNERS, document
from gateway.routes import PUBLIC_ROUTES

DOCUMENTS = {"public": document(PUBLIC_ROUTES, PARTNERS), "admin": document(ADMIN_ROUTES, ADMIN)}
each_page = pytest.mark.parametrize("made", list(DOCUMENTS.values()), ids=list(DOCUMENTS))
_VOID = {"meta", "link", "br", "hr"}


class _Reader(HTMLParser):
    """Tags, attributes and text; raises where tags are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links |= {value or "" for name, value in attrs if name == "href"}
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(made: dict[str, Any]) -> _Reader:
    reader = _Reader()
    reader.feed(page(made).decode())
    assert reader.open == []
    return reader


@each_page
def test_all_that_the_document_has_stands_on_the_page(made: dict[str, Any]) -> None:
    """Each operation, webhook and type has its place, and each link leads to one."""
    reader = _read(made)
    operations = [
        each for part in ("paths", "webhooks") for methods in made.get(part, {}).values() for each in methods.values()
    ]
    assert {each["operationId"] for each in operations} <= set(reader.ids)
    assert {f"type-{name}" for name in made["components"]["schemas"]} <= set(reader.ids)
    assert len(set(reader.ids)) == len(reader.ids)
    assert {link.removeprefix("#") for link in reader.links if link.startswith("#")} <= set(reader.ids)
    for operation in operations:
        assert operation["summary"].replace("`", "") in reader.text.replace("`", "")


@each_page
def test_the_page_needs_nothing_from_anywhere(made: dict[str, Any]) -> None:
    """No script, no inline style, nothing loaded: so the strictest policy holds, and it works without a network."""
    reader = _read(made)
    assert not reader.tags & {"script", "img", "link", "iframe", "form", "object"}
    assert not {name for name in reader.attributes if name == "style" or name.startswith("on")}
    assert {link for link in reader.links if not link.startswith("#")} == {"openapi.json"}
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert re.search(rb"url\(|@import", page(made)) is None


def test_what_the_document_says_is_text_not_html() -> None:
    """Descriptions cannot bring HTML into the page."""
    made = {**DOCUMENTS["admin"], "info": {"title": "<b>x</b>", "version": "1", "description": "<script>x</script>"}}
    assert b"<script>" not in page(made)
    assert b"<b>x" not in page(made)


@each_page
def test_a_curl_is_the_call_as_it_must_be_sent(made: dict[str, Any]) -> None:
    """What is shown to be pasted has the operation's method, and every parameter that a call cannot do without."""
    text = _read(made).text
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            [command] = [part for part in _commands(text) if _is_of(part, path, method)]
            wanted = [each["name"] for each in operation["parameters"] if each["in"] == "query" and each["required"]]
            assert all(f"{name}=" in command for name in wanted), command


def _commands(text: str) -> list[str]:
    return re.findall(r"curl .*'https://api\.example\.com[^']*'", text)


def _is_of(command: str, path: str, method: str) -> bool:
    """Whether curl would send this method to this path: it posts what has data, and gets all else."""
    named = re.search(r"-X '?([A-Z]+)", command)
    sent = named[1] if named else "POST" if " -d " in command else "GET"
    return sent == method.upper() and re.search(rf"example\.com{re.escape(path)}(\?[^']*)?'$", command) is not None
