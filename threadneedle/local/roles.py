"""The roles as supervised children: started, restarted when they die, stopped together."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from config.embedded.process.child import Child, Command

_RESTART_SECONDS_MIN = 0.2
_RESTART_SECONDS_MAX = 5.0
_STABLE_SECONDS = 10.0
_STOP_SECONDS_MAX = 30.0


class NotReady(Exception):
    """A role did not become ready; the message ends with the last lines of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One process to keep running: `python -m <module> <arguments>`."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()


class Roles:
    """Keeps roles alive. Each writes its log lines to `<logs>/<name>.log`."""

    def __init__(self, folder: Path, logs: Path, environment: Mapping[str, str], say: Callable[[str], object]) -> None:
        """`say` is told of every role that had to be started again."""
        self._folder = folder
        self._logs = logs
        self._environment = {**os.environ, **environment}
        self._say = say
        self._children: dict[str, Child] = {}
        self._stopping = False

    def start(self, role: Role) -> None:
        """Start it now."""
        self._logs.mkdir(parents=True, exist_ok=True)
        self._children[role.name] = Child(self._command(role))

    def pids(self) -> dict[str, int]:
        """Name → process id of what runs."""
        return {name: child.pid for name, child in self._children.items() if child.running()}

    def failure(self, name: str) -> str:
        """The end of a role's log."""
        return str(self._children[name].failure(f"{name} ended"))

    def running(self, name: str) -> bool:
        """False once it ended."""
        return self._children[name].running()

    async def keep(self, role: Role) -> None:
        """Until cancelled: restart it when it ends, at first at once, then less and less eagerly."""
        wait = _RESTART_SECONDS_MIN
        while True:
            started = asyncio.get_running_loop().time()
            await self._children[role.name].ended()
            if self._stopping:
                return
            lived = asyncio.get_running_loop().time() - started
            wait = _RESTART_SECONDS_MIN if lived > _STABLE_SECONDS else min(2 * wait, _RESTART_SECONDS_MAX)
            await asyncio.sleep(wait)
            self.start(role)
            self._say(f"{role.name} had ended and was started again; its log says why")

    async def stop(self) -> None:
        """SIGTERM to all at once: each finishes what it has under way by itself."""
        self._stopping = True
        await asyncio.gather(*(child.stop(_STOP_SECONDS_MAX) for child in self._children.values()))

    def _command(self, role: Role) -> Command:
        return Command(
            arguments=(sys.executable, "-m", role.module, *role.arguments),
            folder=self._folder,
            log=self._logs / f"{role.name}.log",
            account=None,
            stop_signal=signal.SIGTERM,
            environment=self._environment,
        )
