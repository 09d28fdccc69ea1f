"""The deadline of what runs now, in a context variable, so that each layer sees it without being handed it.

A task inherits it from the task that made it. Work that belongs to the process and not to its caller is therefore begun
in a context of its own, or goes on with its deadline lifted (payments/calls/runner.py).
"""

import math
import time
from contextvars import ContextVar

from kernel.errors import Unavailable

_AT: ContextVar[float] = ContextVar("deadline", default=math.inf)


class DeadlinePassed(Unavailable):
    """The request's time was up before it was begun."""

    code = "deadline_passed"


def shorten(seconds: float) -> None:
    """What runs in this context has this long from now, or less where it had less already."""
    at = time.monotonic() + seconds
    if at < _AT.get():
        _AT.set(at)


def lift() -> None:
    """What runs in this context from now on is the process's own, and waited for as long as it takes."""
    _AT.set(math.inf)


def seconds_left() -> float:
    """Until the deadline; infinite without one, negative after it."""
    return _AT.get() - time.monotonic()


def check() -> None:
    """Raises DeadlinePassed."""
    if _AT.get() <= time.monotonic():
        raise DeadlinePassed("The time for this request was up before it was begun; nothing was done.")
