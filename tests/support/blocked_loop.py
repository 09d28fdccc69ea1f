"""A blocked event loop fails the test.

Two ways to block are caught. Waiting: the interpreter reports files, look-ups and blocking connects to audit hooks
(PEP 578), and the hook refuses them while a loop runs in the thread; sleeps pass through a wrapper. Computing: the
processor time of each callback is measured; unlike the wall's time, it does not grow when the machine is busy.

Only what the product does is judged: the innermost frame of this repository decides, and a test may read its own files.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_CALLBACK_SECONDS_MAX = 1.0
_EXEMPT = (
    str(_ROOT / "tests"),
    str(_ROOT / ".venv"),
    str(_ROOT / "config/embedded"),  # starts servers: nothing else runs then
)
_WAITS = {
    "os.listdir",
    "os.scandir",
    "os.system",
    "os.rename",
    "os.remove",
    "shutil.copyfile",
    "shutil.rmtree",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "sqlite3.connect",
}


class LoopBlocked(AssertionError):
    """The event loop stood still; the message says where."""


class LoopWatch:
    """Refuses waits while switched on, and remembers every callback that computed for too long."""

    def __init__(self) -> None:
        """There is one per test process: an audit hook can never be taken away again."""
        self._on = False
        self._found: list[str] = []
        self._run, self._sleep = asyncio.Handle._run, time.sleep
        sys.addaudithook(self._audit)

    @contextmanager
    def on(self) -> Iterator[None]:
        """Watch during a test. Raises LoopBlocked at its end, also where the product swallowed the first one."""
        before = self._on, self._found
        self._on, self._found = True, []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.Handle, "_run", self._timed_run())
            patch.setattr(time, "sleep", self._refusing_sleep)
            try:
                yield
            finally:
                found = self._found
                self._on, self._found = before
        if found:
            raise LoopBlocked("; ".join(found))

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._on and (event in _WAITS or _waits(event, arguments)):
            self._refuse(event)

    def _refusing_sleep(self, seconds: float) -> None:
        self._refuse("time.sleep")
        self._sleep(seconds)

    def _refuse(self, what: str) -> None:
        """Raise LoopBlocked if a loop runs in this thread and it is the product that waits."""
        if asyncio._get_running_loop() is None:
            return
        place = _place_in_product(sys._getframe(2))
        if place is not None:
            self._found.append(f"{what} at {place} blocked the event loop")
            raise LoopBlocked(self._found[-1])

    def _timed_run(self) -> Callable[[asyncio.Handle], None]:
        def timed(handle: asyncio.Handle) -> None:
            started = time.thread_time()
            self._run(handle)
            seconds = time.thread_time() - started
            if seconds > _CALLBACK_SECONDS_MAX:
                self._found.append(f"{handle!r} computed for {seconds:.1f} s")

        return timed


def _waits(event: str, arguments: tuple[Any, ...]) -> bool:
    """The events that depend on their arguments. The program's own queries and scripts are read when it is built."""
    if event == "open":
        return not str(arguments[0]).startswith(f"{_ROOT}/")
    return event == "socket.connect" and arguments[0].gettimeout() != 0


def _place_in_product(frame: FrameType | None) -> str | None:
    """File and line of the innermost frame of this repository, if it is the product's and no import is under way."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib") or "/importlib/" in name:  # redis-py looks up its own version so
            return None
        if name.startswith(str(_ROOT)) and not name.startswith(str(_ROOT / ".venv")):
            return None if name.startswith(_EXEMPT) else f"{name.removeprefix(f'{_ROOT}/')}:{frame.f_lineno}"
        frame = frame.f_back
    return None
