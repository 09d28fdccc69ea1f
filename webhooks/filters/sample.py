"""A body as large as realistic ones get, in the shape that an expression looks for, to measure what it costs.

A body without the fields that an expression names says nothing about its cost. So the fields are read off the
expression: what it projects becomes an array of objects of a kilobyte, as payments are, or of plain values, and what
it compares becomes values, until each array has 64 KiB with all that is in it.
"""

from dataclasses import dataclass, field
from typing import Any

from webhooks.filters.expression import Filter

_BYTES = 65_536
_OBJECT_BYTES = 1_024
_VALUE_BYTES = 32
_INNER = 8
_FILLING = "x" * (_OBJECT_BYTES * 3 // 4)
_NUMBER_FUNCTIONS = frozenset(("abs", "ceil", "floor", "avg", "sum", "max", "min"))


def worst_sample(of: Filter) -> dict[str, Any]:
    """About 64 KiB of JSON on which the expression has as much to do as it can have."""
    root = _Place()
    _walk(of.tree, root)
    made = root.fields.pop("data", _Place())
    return {"type": "order.shipped", "timestamp": "2026-01-01T00:00:00.000Z", "data": _made(made, _BYTES)}


@dataclass(slots=True)
class _Place:
    """What the expression expects at one place of the body."""

    fields: "dict[str, _Place]" = field(default_factory=dict)
    items: "_Place | None" = None
    value: Any = "example"

    def item(self) -> "_Place":
        """The place of its items: it is an array."""
        if self.items is None:
            self.items = _Place()
        return self.items


def _made(place: _Place, size: int) -> Any:
    """A value with so many bytes at most as JSON, or little more."""
    if place.items is not None:
        each = _size(place.items, size)
        return [_made(place.items, each) for _ in range(max(size // each, 1))]
    if not place.fields:
        return place.value
    members = {name: _made(each, size) for name, each in place.fields.items()}
    return {**members, "": _FILLING} if size >= _OBJECT_BYTES else members


def _size(item: _Place, size: int) -> int:
    """How large each item of an array is: what holds arrays itself is larger, so that both have several."""
    if not item.fields and item.items is None:
        return _VALUE_BYTES
    return max(size // _INNER, _OBJECT_BYTES) if _has_arrays(item) else _OBJECT_BYTES


def _has_arrays(place: _Place) -> bool:
    return place.items is not None or any(_has_arrays(each) for each in place.fields.values())


def _walk(node: Any, place: _Place) -> _Place:
    """What the node gives at the place; every place that it looks at is noted on the way."""
    kind, children = node["type"], node.get("children", ())
    if kind == "field":
        return place.fields.setdefault(node["value"], _Place())
    if kind in ("subexpression", "index_expression", "pipe"):
        for child in children:
            place = _walk(child, place)
        return place
    if kind in ("index", "flatten", "projection", "value_projection", "filter_projection"):
        return _walk_items(kind, children, place)
    if kind in ("current", "identity", "slice"):
        return place
    return _walk_values(node, [_walk(child, place) for child in children])


def _walk_items(kind: str, children: Any, place: _Place) -> _Place:
    if kind == "index":
        return place.item()
    base = _walk(children[0], place)
    base.item()
    if kind == "flatten":
        return base
    for condition in children[2:]:
        _walk(condition, base.item())
    return _Place(items=_walk(children[1], base.item()))


def _walk_values(node: Any, given: list[_Place]) -> _Place:
    """Comparisons and calls say of what kind the values are: those that are compared are equal to the literal."""
    if node["type"] == "literal":
        return _Place(value=node["value"])
    if node["type"] == "comparator":
        left, right = given
        left.value, right.value = _likely(left, right), _likely(right, left)
    if node["type"] == "function_expression" and node["value"] in _NUMBER_FUNCTIONS:
        for each in given:
            (each.items or each).value = 1
    return given[0] if node["type"] in ("or_expression", "and_expression") else _Place(value=True)


def _likely(place: _Place, other: _Place) -> Any:
    return other.value if place.value == "example" else place.value
