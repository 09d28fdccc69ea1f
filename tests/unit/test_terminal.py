"""What the command line prints for people."""

from typing import Any

import pytest

from threadneedle.terminal import in_words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "-"),
        ([], "-"),
        (["payments:read", "payments:write"], "payments:read, payments:write"),
        (True, "yes"),
        (0, "0"),
        ("", ""),
        ({"state": "good", "since": None}, "state good, since -"),
        ([{"id": "a"}, {"id": "b"}], "id a, id b"),
    ],
)
def test_values_are_words_and_not_python(value: Any, words: str) -> None:
    """None is a dash, a list is told by commas."""
    assert in_words(value) == words
