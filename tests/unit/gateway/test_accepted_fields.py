"""What a bank's capabilities promise of a field is what the API lets through."""

import re

import pytest
from pydantic import TypeAdapter, ValidationError

from adapters.declaration import FieldLimit
from adapters.registry import discover
from gateway.schemas.payments.accepted import accepted
from gateway.schemas.types import Reference

REFERENCE = TypeAdapter(Reference)
DECLARED = [
    pytest.param(pointer, declaration.fields[pointer], id=f"{name}{pointer}")
    for name, declaration in discover().declarations.items()
    for pointer in ("/reference", "/end_to_end_id")
]


def is_taken(text: str) -> bool:
    """Whether our own rule lets it through."""
    try:
        REFERENCE.validate_python(text)
    except ValidationError:
        return False
    return True


def fits(text: str, limit: FieldLimit) -> bool:
    """Whether a limit lets it through."""
    return re.fullmatch(f"[{limit.charset}]{{{limit.min_length},{limit.max_length}}}", text) is not None


@pytest.mark.parametrize(("pointer", "limit"), [*DECLARED, ("/reference", FieldLimit(max_length=9, charset="a-f&"))])
def test_exactly_what_both_take_is_promised(pointer: str, limit: FieldLimit) -> None:
    """Each character, and each length."""
    shown = accepted(pointer, limit)
    texts = [f"a{chr(code)}" for code in range(0x250)] + ["a" * length for length in range(1, 150)]
    wrong = [text for text in texts if fits(text, shown) != (fits(text, limit) and is_taken(text))]
    assert not wrong


def test_a_field_without_a_rule_of_ours_is_as_declared() -> None:
    """Names are checked for what can be printed only."""
    limit = FieldLimit(max_length=70, charset=" -~\u00c0-\u00ff")
    assert accepted("/creditor/name", limit) == limit
