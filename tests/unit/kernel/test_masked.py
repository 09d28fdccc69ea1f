import copy
import json
import logging
import pickle
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError, create_model

from kernel.masked import AccountNumber, Masked, PersonName, Secret

VALUE = "GB33BUKB20201555555555"
TYPES = [Masked, Secret, PersonName, AccountNumber]


@pytest.mark.parametrize("kind", TYPES)
def test_no_way_of_printing_shows_the_value(kind: type[Masked]) -> None:
    """Text, format, repr, containers, errors and logging show the mask alone."""
    masked = kind(VALUE)
    shown = [
        str(masked),
        repr(masked),
        f"{masked}",
        f"{masked!r:>40}",
        "{}".format(masked),  # noqa: UP032 - the old way too
        "%s %r" % (masked, masked),  # noqa: UP031 - and the oldest
        str([masked]),
        str({"account": masked}),
        str(ValueError(masked)),
        logging.makeLogRecord({"msg": "%s", "args": (masked,)}).getMessage(),
        json.dumps({"account": masked}, default=str),
        orjson.dumps({"account": masked}, default=str).decode(),
    ]
    assert not [text for text in shown if VALUE in text]
    assert masked.reveal() == VALUE


@pytest.mark.parametrize("kind", TYPES)
def test_the_value_does_not_leave_by_copying(kind: type[Masked]) -> None:
    """A masked value is not pickled, not turned to JSON by itself, and has no dictionary to look into."""
    masked = kind(VALUE)
    for leave in (pickle.dumps, copy.deepcopy, json.dumps, orjson.dumps):
        with pytest.raises(TypeError):
            leave(masked)
    assert not hasattr(masked, "__dict__")
    with pytest.raises(TypeError):
        format(masked, ">40")


@pytest.mark.parametrize("kind", TYPES)
def test_pydantic_dumps_the_mask(kind: type[Masked]) -> None:
    """A model takes the value as text, and gives back its mask in every form."""
    model = create_model("Model", value=(kind, ...))
    held: Any = model.model_validate({"value": VALUE})
    assert held.value.reveal() == VALUE
    assert VALUE not in held.model_dump_json() + str(held.model_dump(mode="json")) + repr(held)


def test_a_refused_value_is_not_repeated() -> None:
    """What is not text is refused as any field is."""

    class Model(BaseModel):
        value: Secret

    with pytest.raises(ValidationError):
        Model.model_validate({"value": 5})


def test_masks_help_to_recognise() -> None:
    """A name shows its first letter, an account its last four characters if enough stays hidden, a secret nothing."""
    assert str(PersonName("Ada Example")) == "A•••"
    assert str(AccountNumber(VALUE)) == "••••5555"
    assert str(AccountNumber("1234567")) == "••••"
    assert str(Secret(VALUE)) == "••••"
    assert AccountNumber.compact("gb33 bukb 2020").reveal() == "GB33BUKB2020"


def test_equal_values_of_one_kind_are_equal() -> None:
    """Comparison is by value and kind."""
    assert Secret("a") == Secret("a")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != PersonName("a")
    assert Secret("a") != "a"


@given(st.text(min_size=8))
def test_an_account_never_shows_more_than_four_characters(text: str) -> None:
    """However long, what is shown of an account is at most its last four characters."""
    assert str(AccountNumber(text)) == f"••••{text[-4:]}"
