"""A JMESPath expression as an endpoint's filter, bounded in what it may say and in what it may cost.

An event is heard if the expression is true by JMESPath's rules: anything but `false`, `null`, `''`, `[]` and `{}`.
What could make a value larger than the body it came from is refused when it is compiled (multi-selects of anything but
literals, expression references, functions that build texts or lists), so a step never handles more than the body; and
an evaluation that takes more than `STEPS_MAX` steps ends without a match. See https://jmespath.org/specification.html.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from time import perf_counter_ns
from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.parser import Parser

from webhooks.filters.evaluation import NODES, Evaluate, Steps, TooManySteps, build, is_true

LENGTH_MAX = 1024
NODES_MAX = 200
DEPTH_MAX = 24
FUNCTIONS = frozenset(
    (
        *("abs", "avg", "ceil", "contains", "ends_with", "floor", "keys", "length"),
        *("max", "min", "starts_with", "sum", "to_number", "type", "values"),
    )
)
_RUNS = 5
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?P<literal>(?:[^`\\]|\\.)*)`""", re.DOTALL)

_Node = Mapping[str, Any]


# An expression may fail on a body in any of these ways, for instance where a function gets a null.
_FAILURES = (
    JMESPathError,
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class Outcome(StrEnum):
    """What an expression comes to on one body; all but true keep the event away."""

    TRUE = "true"
    FALSE = "false"
    NOT_COMPUTABLE = "not_computable"  # A function got a value that it does not take, for instance a null.
    TOO_MANY_STEPS = "too_many_steps"


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled expression. Equal texts are equal filters; the text is the merchant's own words and is never shown."""

    text: str = field(repr=False)
    tree: _Node = field(repr=False, compare=False)
    evaluate: Evaluate = field(repr=False, compare=False)

    def matches(self, body: Mapping[str, Any]) -> bool:
        """Whether the expression is true of the body {"type", "timestamp", "data"}. Never raises.

        An expression that fails on a body, or takes too many steps, does not match it.
        """
        return self.outcome(body) is Outcome.TRUE

    def outcome(self, body: Mapping[str, Any]) -> Outcome:
        """What the expression comes to on the body. Never raises."""
        try:
            return Outcome.TRUE if is_true(self.evaluate(body, Steps())) else Outcome.FALSE
        except TooManySteps:
            return Outcome.TOO_MANY_STEPS
        except _FAILURES:
            return Outcome.NOT_COMPUTABLE


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
    return Filter(text, tree, build(tree))


def measure(of: Filter, sample: Mapping[str, Any]) -> float:
    """Microseconds that one evaluation takes on the sample: the best of five, as the others measure the machine."""
    best = None
    for _ in range(_RUNS):
        began = perf_counter_ns()
        of.matches(sample)
        taken = perf_counter_ns() - began
        best = taken if best is None else min(best, taken)
    return (best or 0) / 1000


def _parse(text: str) -> _Node:
    try:
        _check_literals(text)
        return Parser().parse(text).parsed
    except (JMESPathError, RecursionError, ValueError):
        message = "must be a JMESPath expression; literals are JSON between backticks, or texts between apostrophes"
        raise ValueError(message) from None
    finally:
        # The parser remembers texts; ours are remembered as long as their endpoints are.
        Parser.purge()


def _check_literals(text: str) -> None:
    """The parser would read a literal that is no JSON as a text; JEP-12 wants it refused, for it hides mistakes."""
    for found in _QUOTED.finditer(text):
        if found["literal"] is not None:
            json.loads(found["literal"].replace("\\`", "`"))


def _nodes(tree: _Node) -> Iterator[tuple[_Node, int]]:
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        # A slice's children are numbers.
        waiting += [(child, depth + 1) for child in node.get("children", ()) if isinstance(child, dict)]


def _check(node: _Node) -> None:
    kind, children = node["type"], node.get("children", ())
    if kind not in NODES:
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
