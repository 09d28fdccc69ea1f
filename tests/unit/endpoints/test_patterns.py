"""Event types and the patterns that choose among them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.endpoints.patterns import TypeFilter, is_event_type, is_pattern

TYPES = st.lists(st.sampled_from(["a", "b", "payment", "x_1"]), min_size=1, max_size=4).map(".".join)


@pytest.mark.parametrize("text", ["a", "payment.settled", "A_1.b2.c", "x" * 128])
def test_event_types(text: str) -> None:
    """Dotted identifiers are types, and a type is a pattern."""
    assert is_event_type(text)
    assert is_pattern(text)


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a-b", "a b", "a\n", "é", "*", "a.*", "x" * 129])
def test_what_is_no_event_type(text: str) -> None:
    """Nothing else is a type."""
    assert not is_event_type(text)


@pytest.mark.parametrize("text", ["*", "a.*", "a.b.*"])
def test_patterns(text: str) -> None:
    """Everything, or everything below a type."""
    assert is_pattern(text)


@pytest.mark.parametrize("text", ["", ".*", "*.a", "a.*.b", "a*", "**", "a.**", "a.*.*"])
def test_what_is_no_pattern(text: str) -> None:
    """A star stands alone or at the end, behind a dot."""
    assert not is_pattern(text)


@given(event_type=TYPES, prefix=TYPES)
def test_below_means_strictly_below(event_type: str, prefix: str) -> None:
    """`a.*` holds for a.b and a.b.c, not for a nor for ab."""
    matches = TypeFilter.of([f"{prefix}.*"]).matches(event_type)
    assert matches == (event_type.split(".")[: prefix.count(".") + 1] == prefix.split(".") and event_type != prefix)


def test_filters_hold_together() -> None:
    """One pattern that holds is enough; none never holds."""
    some = TypeFilter.of(["a", "b.*"])
    assert [some.matches(type_) for type_ in ("a", "b.c", "b", "a.b")] == [True, True, False, False]
    assert TypeFilter.of(["*"]).matches("anything")
    assert not TypeFilter.of([]).matches("anything")
