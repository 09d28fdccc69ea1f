"""When a payment may be executed."""

from datetime import UTC, datetime, timedelta

import pytest

from payments.service import time_errors

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead", "code"),
    [
        (timedelta(seconds=-1), "in_the_past"),
        (timedelta(0), "in_the_past"),
        (timedelta(seconds=1), None),
        (timedelta(days=366), None),
        (timedelta(days=366, seconds=1), "too_far"),
    ],
)
def test_execution_lies_within_the_next_year(ahead: timedelta, code: str | None) -> None:
    """A time that has passed, or that is years away, is refused by name."""
    assert [error.code for error in time_errors(NOW + ahead, NOW)] == ([] if code is None else [code])


def test_without_a_time_it_is_executed_now() -> None:
    """No time is no error."""
    assert time_errors(None, NOW) == []
