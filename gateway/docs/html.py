"""Pieces of HTML. Whatever is put into them is escaped, unless it is Markup already."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import orjson
from markdown_it import MarkdownIt
from markupsafe import Markup

_MARKDOWN = MarkdownIt("commonmark", {"html": False})


def element(tag: str, content: Any = "", **attributes: str) -> Markup:
    """`class_` stands for class, as it is a word of Python."""
    pairs = Markup("").join(Markup(' {}="{}"').format(name.rstrip("_"), value) for name, value in attributes.items())
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), pairs, content)  # noqa: S704 - our own tag names


def joined(parts: Iterable[Any], between: str = "") -> Markup:
    """One after the other."""
    return Markup(between).join(parts)  # noqa: S704 - our own separators


@lru_cache(maxsize=4096)
def markdown(text: str, heading: int = 0) -> Markup:
    """CommonMark; HTML in it is shown as text. `heading` is added to the level of its headings."""
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{int(token.tag[1:]) + heading}"
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704 - escaped by the renderer


def code(text: Any) -> Markup:
    """A word of the API."""
    return element("code", text)


def link(target: str, text: Any) -> Markup:
    """To another place of the page."""
    return element("a", text, href=f"#{target}")


def example(value: Any, label: str = "Example") -> Markup:
    """JSON, folded away."""
    shown = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return element("details", joined([element("summary", label), element("pre", code(shown))]))


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Markup:
    """Rows of cells; without rows, nothing."""
    body = [element("tr", joined(element("td", cell) for cell in row)) for row in rows]
    if not body:
        return Markup("")
    head = element("tr", joined(element("th", heading, scope="col") for heading in headings))
    return element("table", joined([element("thead", head), element("tbody", joined(body))]))
