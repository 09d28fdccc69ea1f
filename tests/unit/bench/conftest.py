"""What differs for the bench's tools."""

import pytest


@pytest.fixture(autouse=True)
def _loop_never_blocked() -> None:
    """The tools append each line to their logs before they go on, so that a kill loses none; the product never does."""
