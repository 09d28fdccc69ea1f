"""A JMESPath expression as an endpoint's filter, bounded in what it may say and in what it may cost.

An event is heard if the expression is true by JMESPath's rules: anything but `false`, `null`, `''`, `[]` and `{}`.
What could make a value larger than the body it came from is refused when it is compiled (multi-selects of anything but
literals, expression references, functions that build texts or lists), so a step never handles more than the body; and
an evaluation that takes more than `STEPS_MAX` steps ends without a match. See https://jmespath.org/specification.html.
"""

import warnings
from collections.abc import Iterator, Mapping, Sized
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.parser import Parser
from jmespath.visitor import Options, TreeInterpreter

LENGTH_MAX = 1024
NODES_MAX = 200
DEPTH_MAX = 24
STEPS_MAX = 10_000
FUNCTIONS = frozenset(
    (
        *("abs", "avg", "ceil", "contains", "ends_with", "floor", "keys", "length"),
        *("max", "min", "starts_with", "sum", "to_number", "type", "values"),
    )
)
_REFUSED_NODES = frozenset(("multi_select_dict", "expref"))
_RUNS = 5
# Text is looked through this much faster than lists are.
_CHARACTERS_PER_STEP = 64

_Node = Mapping[str, Any]


class _TooManySteps(Exception):
    """The evaluation was ended."""


# An expression may fail on a body in any of these ways: comparing a text with a number is a TypeError.
_FAILURES = (
    JMESPathError,
    _TooManySteps,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class _Interpreter(TreeInterpreter):
    """JMESPath's own interpreter, counting: a step for each node, and more for whatever goes through a whole value."""

    def __init__(self) -> None:
        self._calls = Functions()
        super().__init__(Options(custom_functions=self._calls))
        self.steps = 0

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._count(1)
        return super().visit(node, *args, **kwargs)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        result = super().visit_flatten(node, value)
        self._count(_size(result))
        return result

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        given = [self.visit(child, value) for child in node["children"]]
        self._count(sum(_size(argument) for argument in given))
        return self._calls.call_function(node["value"], given)

    def _count(self, steps: int) -> None:
        self.steps += steps
        if self.steps > STEPS_MAX:
            raise _TooManySteps


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled expression. Equal texts are equal filters; the text is the merchant's own words and is never shown."""

    text: str = field(repr=False)
    tree: _Node = field(repr=False, compare=False)

    def matches(self, body: Mapping[str, Any]) -> bool:
        """Whether the expression is true of the body {"type", "timestamp", "data"}. Never raises.

        An expression that fails on a body, or takes too many steps, does not match it.
        """
        try:
            found = _Interpreter().visit(self.tree, body)
        except _FAILURES:
            return False
        return found is not None and found is not False and found not in ("", [], {})

    def steps(self, body: Mapping[str, Any]) -> int:
        """How many steps it takes on the body, `STEPS_MAX` at most."""
        interpreter = _Interpreter()
        with suppress(*_FAILURES):
            interpreter.visit(self.tree, body)
        return min(interpreter.steps, STEPS_MAX)


def compile_filter(text: str) -> Filter:
    """Parse and check an expression.

    Raises ValueError whose message says what to change in plain words and repeats nothing of the text.
    """
    if not 1 <= len(text) <= LENGTH_MAX:
        message = f"must have 1 to {LENGTH_MAX} characters"
        raise ValueError(message)
    tree = _parse(text)
    for count, (node, depth) in enumerate(_nodes(tree), start=1):
        if count > NODES_MAX or depth > DEPTH_MAX:
            message = f"must have {NODES_MAX} parts at most, nested {DEPTH_MAX} deep at most"
            raise ValueError(message)
        _check(node)
    return Filter(text, tree)


def measure(of: Filter, sample: Mapping[str, Any]) -> float:
    """Microseconds that one evaluation takes on the sample: the best of five, as the others measure the machine."""
    best = None
    for _ in range(_RUNS):
        began = perf_counter_ns()
        of.matches(sample)
        taken = perf_counter_ns() - began
        best = taken if best is None else min(best, taken)
    return (best or 0) / 1000


def nodes(of: Filter) -> Iterator[_Node]:
    """Every node of the expression."""
    return (node for node, _ in _nodes(of.tree))


def _parse(text: str) -> _Node:
    try:
        with warnings.catch_warnings():
            # A literal that is no JSON is read as a text with this warning; JEP-12 wants it refused.
            warnings.simplefilter("error", PendingDeprecationWarning)
            return Parser().parse(text).parsed
    except (JMESPathError, PendingDeprecationWarning, RecursionError, ValueError):
        message = "must be a JMESPath expression; literals are JSON between backticks, or texts between apostrophes"
        raise ValueError(message) from None
    finally:
        # The parser remembers texts; ours are remembered as long as their endpoints are.
        Parser.purge()


def _nodes(tree: _Node) -> Iterator[tuple[_Node, int]]:
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        # A slice's children are numbers.
        waiting += [(child, depth + 1) for child in node.get("children", ()) if isinstance(child, dict)]


def _check(node: _Node) -> None:
    kind, children = node["type"], node.get("children", ())
    if kind in _REFUSED_NODES:
        message = "must not build objects or refer to expressions with &"
        raise ValueError(message)
    if kind == "multi_select_list" and any(child["type"] != "literal" for child in children):
        message = "must not build lists of anything but literals"
        raise ValueError(message)
    if kind == "subexpression" and children[0]["type"] == "not_expression":
        message = "must have parentheses after ! where a field of a field follows: !(a.b)"
        raise ValueError(message)
    if kind == "function_expression":
        _check_call(node)


def _check_call(node: _Node) -> None:
    if node["value"] not in FUNCTIONS:
        message = "must call no functions but " + ", ".join(sorted(FUNCTIONS))
        raise ValueError(message)
    if len(node["children"]) != len(Functions.FUNCTION_TABLE[node["value"]]["signature"]):
        message = "must call each function with as many arguments as it takes"
        raise ValueError(message)


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value) // _CHARACTERS_PER_STEP
    return len(value) if isinstance(value, Sized) else 0
