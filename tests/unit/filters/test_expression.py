"""Filters: what may be said, what is heard, and that a hostile one costs little."""

from time import process_time
from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhooks.filters.expression import DEPTH_MAX, LENGTH_MAX, Filter, Outcome, compile_filter, measure
from webhooks.filters.sample import worst_sample

BODY = {
    "type": "order.shipped",
    "timestamp": "2026-01-01T00:00:00.000Z",
    "data": {
        "status": "paid",
        "total": 100,
        "zero": 0,
        "is_test": False,
        "nothing": None,
        "tags": ["new", "eu"],
        "items": [{"sku": "a", "price": 5}, {"sku": "b", "price": 50, "tags": ["x"]}, {"sku": "c", "price": "much"}],
        "address": {"country": "DE"},
    },
}


@pytest.mark.parametrize(
    "text",
    [
        "data.status == 'paid'",
        "data.zero",
        "data.total >= `100` && data.address.country != 'GB'",
        "contains(data.tags, 'eu') || data.nothing",
        "contains(['paid', 'open'], data.status)",
        "data.items[?price > `10`]",
        "data.items[?tags && contains(tags, 'x')].sku | [0] == 'b'",
        "length(data.items[*].tags[]) == `1`",
        "starts_with(type, 'order.') && !(data.is_test)",
        "!(data.nothing.deeper)",
        "data.*.country",
        "data.items[-1].sku == 'c' && data.items[0:2]",
        "max([`1`, `2`]) == `2`",
    ],
)
def test_what_is_true_is_heard(text: str) -> None:
    """An expression that is true of the body matches; 0 is true, as JMESPath has it."""
    assert compile_filter(text).matches(BODY)


@pytest.mark.parametrize(
    "text",
    [
        "data.status == 'open'",
        "data.is_test",
        "data.nothing",
        "data.missing.deeper[0].more",
        "data.items[?price > `100`]",
        "data.zero == `false`",
        "'' || `[]` || `{}` || `null` || `false`",
        "abs(data.status)",
        "sum(data.items[*].sku)",
        "starts_with(data.total, 'a')",
        "contains(data.total, 'a')",
        "length(data.nothing) == `0`",
        "data.status > `1`",
    ],
)
def test_what_is_false_or_fails_is_not_heard(text: str) -> None:
    """An expression that is false, or that cannot be evaluated on the body, does not match and never raises."""
    assert not compile_filter(text).matches(BODY)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("data.status != 'open'", Outcome.TRUE),
        ("data.status == 'open'", Outcome.FALSE),
        ("data.nothing", Outcome.FALSE),
        ("data.status > `1`", Outcome.FALSE),
        ("length(data.nothing) == `0`", Outcome.NOT_COMPUTABLE),
        ("starts_with(data.total, 'a')", Outcome.NOT_COMPUTABLE),
    ],
)
def test_false_is_told_from_what_cannot_be_computed(text: str, outcome: Outcome) -> None:
    """Who tries a filter learns whether it is wrong of the event or wrong in itself."""
    assert compile_filter(text).outcome(BODY) is outcome


def test_too_many_steps_are_told_too() -> None:
    """A filter that is ended is not one that is false."""
    body = {"data": {"items": [[1] * 100] * 200}}
    assert compile_filter("data.items[*][*]").outcome(body) is Outcome.TOO_MANY_STEPS


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "characters"),
        ("a" * (LENGTH_MAX + 1), "characters"),
        ("data.", "JMESPath"),
        ("data[", "JMESPath"),
        ("`not json`", "JMESPath"),
        ("data.status == `paid`", "JMESPath"),
        ("(" * 500, "JMESPath"),
        ("!" * 1_000 + "a", "nested|JMESPath"),
        ("`" + "[" * 1_000 + "`", "JMESPath"),
        ("a" + "[*]" * DEPTH_MAX, "nested"),
        (" || ".join("a" * 120), "parts"),
        ("{a: data}", "objects"),
        ("data.[status, total]", "lists"),
        ("map(&a, data.items)", "objects|functions"),
        ("sort_by(data.items, &price)", "objects|functions"),
        ("join(',', data.tags)", "functions"),
        ("to_string(data)", "functions"),
        ("env('HOME')", "functions"),
        ("length(data, type)", "arguments"),
        ("!data.is_test", "parentheses"),
    ],
)
def test_what_may_not_be_said_is_refused_in_plain_words(text: str, says: str) -> None:
    """A filter that is too long, too deep, no JMESPath or able to grow is refused; the message repeats none of it."""
    with pytest.raises(ValueError, match=says) as refused:
        compile_filter(text)
    assert "data.status" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "data.items" + "[]" * 10,
        "data.items" + "[?contains(keys(@), 'a')]" * 15,
        "data.items[*].a[*].b[*].c[*].d[*]",
        "data.items[*].values(@)[] | [*].values(`{}`) | []",
        "data.items[*].keys(`" + "{" + ", ".join(f'"{n}": 1' for n in range(60)) + "}`)[]",
        "data.items[?contains(`" + str(list(range(200))) + "`, price)]",
        "contains(data.text, 'xy') && contains(data.text, 'xz') && contains(data.text, 'zx')",
        "@ == @ && data == data",
        "data.items == data.items",
        "max(data.items[*].price) > `1`",
    ],
)
def test_a_hostile_filter_on_a_large_body_is_cheap(text: str) -> None:
    """Whatever a filter says about the largest body, it ends within 50 ms of CPU: its steps are counted."""
    line = {"price": 1, "a": [{"b": [{"c": [1] * 5}]}]}
    body = {"type": "t", "timestamp": "", "data": {"items": [line] * 4_000, "text": "x" * 200_000}}
    compiled = compile_filter(text)
    began = process_time()
    compiled.matches(body)
    assert process_time() - began < 0.05


def test_equal_texts_are_one_filter_and_show_nothing() -> None:
    """Endpoints that share a text share an evaluation; the text is a merchant's and stays out of logs."""
    first, second = compile_filter("data.a == 'planted'"), compile_filter("data.a == 'planted'")
    assert first == second
    assert len({first, second}) == 1
    assert "planted" not in repr(first)


def test_cost_is_measured_on_a_body_of_the_wanted_shape() -> None:
    """The sample has the arrays that the expression goes through, so looking through them is what is measured."""
    costly = compile_filter("data.orders[?price > `1` && sku == 'x' && is_new && colour != 'red'].sku")
    cheap = compile_filter("data.status == 'paid' && data.total > `10`")
    assert measure(costly, worst_sample(costly)) > measure(costly, BODY) * 3
    assert measure(cheap, worst_sample(cheap)) < measure(costly, worst_sample(costly))


_KEYS = st.sampled_from(["a", "b", "c"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2) | st.sampled_from(["", "a", "b", "ab"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)
_PATHS = st.lists(
    st.sampled_from([".a", ".b", "[0]", "[-1]", "[*].a", "[].b", ".*", "[?a]", "[?b == `1`].a", "[1:]", " | @"]),
    max_size=4,
).map(lambda parts: "data" + "".join(parts))
_ATOMS = _PATHS | st.sampled_from(
    ["`0`", "`1`", "`true`", "`null`", "''", "'a'", "`[]`", "`[1, true]`", "length(data)"]
)
_EXPRESSIONS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["==", "!=", "&&", "||"]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(_PATHS, st.sampled_from(["<", "<=", ">", ">="]), st.just("`1`")).map(" ".join).map("({})".format),
        inner.map("!({})".format),
        st.tuples(inner, inner).map(lambda p: f"contains(['a', 'b'], {p[0]}) || {p[1]}"),
    ),
    max_leaves=6,
)


@settings(max_examples=400)
@given(text=_EXPRESSIONS, data=_VALUES)
def test_filters_mean_what_the_library_says(text: str, data: Any) -> None:
    """Wherever JMESPath's own interpreter has an answer, the filter gives the same."""
    body = {"type": "t", "timestamp": "", "data": data}
    try:
        expected = jmespath.search(text, body)
    except (jmespath.exceptions.JMESPathError, TypeError):
        return
    compiled: Filter = compile_filter(text)
    assert compiled.matches(body) is (expected is not None and expected is not False and expected not in ("", [], {}))
