"""Child processes: this interpreter, their output in a file, ended by their pid."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_POLL_SECONDS = 0.05


class NotStarted(Exception):
    """A process did not come up; the message ends with its last words."""


class Process:
    """One child."""

    def __init__(self, arguments: Sequence[object], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._arguments = [str(argument) for argument in arguments]
        self.log = log
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches us alone and we end things in order."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *self._arguments, stdout=log, stderr=log, env=self._environment, start_new_session=True
            )

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its pid; 0 before it was started."""
        return self._process.pid if self._process is not None else 0

    async def ended(self) -> int:
        """Its exit status, once it ended."""
        return await self._process.wait() if self._process is not None else 0

    async def ready(self, true: Callable[[], bool], seconds_max: float) -> None:
        """Wait until it is up. Raises NotStarted."""
        waited = 0.0
        while not true():
            if not self.running or waited > seconds_max:
                raise NotStarted(f"{' '.join(self._arguments)} did not come up:\n{self.last_words()}")
            await asyncio.sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS

    async def stop(self, seconds_max: float = 40.0) -> None:
        """SIGTERM; if that is not enough, SIGKILL to it and to all that descend from it."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), seconds_max)
        except TimeoutError:
            for pid in [self._process.pid, *descendants(self._process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await self._process.wait()

    def last_words(self) -> str:
        """The end of its output."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""


def descendants(pid: int) -> list[int]:
    """The children of a process, their children and so on; none where the system has no `/proc`."""
    parents = dict(filter(None, map(_parent, Path("/proc").glob("[0-9]*"))))
    found, unseen = [], [pid]
    while unseen:
        parent = unseen.pop()
        children = [child for child, its_parent in parents.items() if its_parent == parent]
        found += children
        unseen += children
    return found


def _parent(folder: Path) -> tuple[int, int] | None:
    """A process and its parent (proc_pid_stat(5)); the name in brackets may hold anything. None: it has ended."""
    try:
        after_name = (folder / "stat").read_text(errors="replace").rpartition(")")[2]
    except OSError:
        return None
    return int(folder.name), int(after_name.split()[1])


def free_port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
