import asyncio
import contextvars
import math

import pytest

from kernel import deadline
from kernel.deadline import DeadlinePassed


def _in_new_context(work: object) -> None:
    contextvars.Context().run(work)  # type: ignore[arg-type]


def test_a_deadline_only_gets_shorter() -> None:
    """What a caller says cannot give it more than the server does, nor the reverse."""

    def work() -> None:
        assert deadline.seconds_left() == math.inf
        deadline.shorten(10)
        deadline.shorten(1_000)
        assert deadline.seconds_left() <= 10
        deadline.shorten(-1)
        with pytest.raises(DeadlinePassed):
            deadline.check()

    _in_new_context(work)


async def test_what_a_request_begins_has_its_deadline_unless_it_is_the_process_s_own() -> None:
    """A task inherits it; one in a context of its own does not."""
    deadline.shorten(5)
    seen: list[float] = []

    async def look() -> None:
        seen.append(deadline.seconds_left())

    await asyncio.create_task(look())
    await asyncio.create_task(look(), context=contextvars.Context())
    assert seen[0] <= 5
    assert seen[1] == math.inf
