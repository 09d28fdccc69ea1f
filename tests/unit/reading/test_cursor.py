"""Cursors come back as they went out, or are refused."""

from uuid import uuid4

import pytest

from kernel.errors import Invalid
from webhooks.reading.cursor import AttemptPosition, Position


def test_cursors_come_back_as_they_went_out() -> None:
    """Of both kinds, with the largest number too."""
    position = Position(id=uuid4(), number=(1 << 64) - 1)
    assert Position.from_text(position.to_text()) == position
    attempt = AttemptPosition(delivery_id=uuid4(), id=uuid4())
    assert AttemptPosition.from_text(attempt.to_text()) == attempt


def test_what_is_no_cursor_of_this_kind_is_refused() -> None:
    """Nothing, noise, a cursor cut short, one with more behind it, and one of the other kind."""
    position, attempt = Position(id=uuid4()).to_text(), AttemptPosition(delivery_id=uuid4(), id=uuid4()).to_text()
    for text in ("", "x", "é", position[:-1], position + "A", f"{position}=", attempt):
        with pytest.raises(Invalid):
            Position.from_text(text)
    with pytest.raises(Invalid):
        AttemptPosition.from_text(position)
