"""A parsed JMESPath expression as plain functions: each node is built once, so that evaluating is calling.

The library parses and has the functions; its interpreter looks every node up again at every value, which costs several
times as much (measured: tests hold that both agree). One difference is the specification's: ordering a text and a
number is null, where the library raises.
"""

import operator
from collections.abc import Callable, Mapping, Sized
from functools import reduce
from typing import Any, TypeAlias

from jmespath.functions import Functions

STEPS_MAX = 10_000
_CALL_STEPS = 5
# Text is looked through this much faster than lists are.
_CHARACTERS_PER_STEP = 64
_ORDER = {"lt": operator.lt, "gt": operator.gt, "lte": operator.le, "gte": operator.ge}


class TooManySteps(Exception):
    """The evaluation was ended."""


class Steps:
    """What an evaluation may still take: an item of an array, or of what a function goes through; a call is several."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = STEPS_MAX

    def take(self, steps: int) -> None:
        """Raises TooManySteps."""
        self.left -= steps
        if self.left < 0:
            raise TooManySteps


Evaluate: TypeAlias = Callable[[Any, Steps], Any]
_Node: TypeAlias = Mapping[str, Any]


def is_true(value: Any) -> bool:
    """What JMESPath holds to be true: anything but false, null, and empty texts, lists and objects; 0 is true."""
    return bool(value) or (isinstance(value, int | float) and value is not False)


def build(node: _Node) -> Evaluate:
    """The function that evaluates the node."""
    return _BUILDERS[node["type"]](node, [build(child) for child in node["children"] if isinstance(child, dict)])


def _field(node: _Node, _: list[Evaluate]) -> Evaluate:
    name = node["value"]
    return lambda value, _: value.get(name) if isinstance(value, dict) else None


def _literal(node: _Node, _: list[Evaluate]) -> Evaluate:
    literal = node["value"]
    return lambda _value, _steps: literal


def _same(_node: _Node, _: list[Evaluate]) -> Evaluate:
    return lambda value, _: value


def _chain(_node: _Node, parts: list[Evaluate]) -> Evaluate:
    def joined(first: Evaluate, then: Evaluate) -> Evaluate:
        return lambda value, steps: then(first(value, steps), steps)

    return reduce(joined, parts)


def _index(node: _Node, _: list[Evaluate]) -> Evaluate:
    index = node["value"]
    return lambda value, _: value[index] if isinstance(value, list) and -len(value) <= index < len(value) else None


def _slice(node: _Node, _: list[Evaluate]) -> Evaluate:
    part = slice(*node["children"])
    return lambda value, _: value[part] if isinstance(value, list) else None


def _comparator(node: _Node, parts: list[Evaluate]) -> Evaluate:
    left, right = parts
    if node["value"] == "eq":
        return lambda value, steps: _equal(left(value, steps), right(value, steps))
    if node["value"] == "ne":
        return lambda value, steps: not _equal(left(value, steps), right(value, steps))
    holds = _ORDER[node["value"]]

    def compare(value: Any, steps: Steps) -> bool | None:
        one, other = left(value, steps), right(value, steps)
        return bool(holds(one, other)) if _are_ordered(one, other) else None

    return compare


def _equal(one: Any, other: Any) -> bool:
    """Unlike in Python, true is not 1."""
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)


def _are_ordered(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return False
    if isinstance(one, str):
        return isinstance(other, str)
    return isinstance(one, int | float) and isinstance(other, int | float)


def _or(_node: _Node, parts: list[Evaluate]) -> Evaluate:
    left, right = parts
    return lambda value, steps: found if is_true(found := left(value, steps)) else right(value, steps)


def _and(_node: _Node, parts: list[Evaluate]) -> Evaluate:
    left, right = parts
    return lambda value, steps: right(value, steps) if is_true(found := left(value, steps)) else found


def _not(_node: _Node, parts: list[Evaluate]) -> Evaluate:
    (inner,) = parts
    return lambda value, steps: not is_true(inner(value, steps))


def _flatten(_node: _Node, parts: list[Evaluate]) -> Evaluate:
    (base,) = parts

    def flatten(value: Any, steps: Steps) -> list[Any] | None:
        found = base(value, steps)
        if not isinstance(found, list):
            return None
        flat: list[Any] = []
        for item in found:
            inner = item if isinstance(item, list) else [item]
            steps.take(len(inner))
            flat += inner
        return flat

    return flatten


def _projection(node: _Node, parts: list[Evaluate]) -> Evaluate:
    base, each = parts[0], parts[1]
    wanted = parts[2] if node["type"] == "filter_projection" else None
    of_values = node["type"] == "value_projection"

    def project(value: Any, steps: Steps) -> list[Any] | None:
        found = base(value, steps)
        if not isinstance(found, dict if of_values else list):
            return None
        steps.take(len(found))
        items = found.values() if isinstance(found, dict) else found
        chosen = items if wanted is None else [item for item in items if is_true(wanted(item, steps))]
        return [made for item in chosen if (made := each(item, steps)) is not None]

    return project


def _list(_node: _Node, parts: list[Evaluate]) -> Evaluate:
    return lambda value, steps: None if value is None else [part(value, steps) for part in parts]


def _call(node: _Node, parts: list[Evaluate]) -> Evaluate:
    functions, name = Functions(), node["value"]
    quick = _QUICK.get(name)

    def call(value: Any, steps: Steps) -> Any:
        given = [part(value, steps) for part in parts]
        steps.take(_CALL_STEPS + sum(_size(argument) for argument in given))
        return quick(*given) if quick is not None else functions.call_function(name, given)

    return call


def _contains(subject: Any, search: Any) -> bool:
    if not isinstance(subject, str | list):
        raise TypeError
    return search in subject


def _length(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise TypeError
    return len(value)


# What filters call most; the library's way to these costs ten times as much. A wrong argument raises TypeError.
_QUICK: dict[str, Callable[..., Any]] = {
    "contains": _contains,
    "ends_with": str.endswith,
    "keys": lambda value: list(dict.keys(value)),
    "length": _length,
    "starts_with": str.startswith,
    "values": lambda value: list(dict.values(value)),
}


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value) // _CHARACTERS_PER_STEP
    return len(value) if isinstance(value, Sized) else 0


_BUILDERS: dict[str, Callable[[_Node, list[Evaluate]], Evaluate]] = {
    "and_expression": _and,
    "comparator": _comparator,
    "current": _same,
    "field": _field,
    "filter_projection": _projection,
    "flatten": _flatten,
    "function_expression": _call,
    "identity": _same,
    "index": _index,
    "index_expression": _chain,
    "literal": _literal,
    "multi_select_list": _list,
    "not_expression": _not,
    "or_expression": _or,
    "pipe": _chain,
    "projection": _projection,
    "slice": _slice,
    "subexpression": _chain,
    "value_projection": _projection,
}
NODES = frozenset(_BUILDERS)
