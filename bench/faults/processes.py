"""Killing processes, by the pid that stands in the run file at that moment."""

import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.faults.fault import NoVictim, until
from bench.target import RunFile

_BACK_SECONDS_MAX = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRole:
    """A signal to one process of a role; its supervisor is expected to start another one."""

    role: str
    signal: signal.Signals
    run_file: RunFile
    dice: random.Random

    @property
    def kind(self) -> str:
        """`kill` for SIGKILL, else `end`."""
        return f"{'kill' if self.signal is signal.SIGKILL else 'end'} {self.role}"

    async def strike(self) -> float:
        """Nothing is taken away that another process has to wait for, so recovery counts from the signal."""
        pids = pids_of(self.run_file, self.role)
        if not pids:
            raise NoVictim(f"no {self.role} runs")
        pid = self.dice.choice(pids)
        send(pid, self.signal)
        struck = time.monotonic()

        async def another() -> bool:
            now = pids_of(self.run_file, self.role)
            return pid not in now and len(now) >= len(pids)

        await until(another, _BACK_SECONDS_MAX)
        return struck


@dataclass(frozen=True, slots=True, kw_only=True)
class KillServer:
    """SIGKILL to PostgreSQL or Redis; it is back when it answers. This Redis comes back empty."""

    server: str
    servers_file: RunFile
    answers: Callable[[], Awaitable[bool]]

    @property
    def kind(self) -> str:
        """Its name."""
        return f"kill {self.server}"

    async def strike(self) -> float:
        """Until it answers again under another pid."""
        pids = pids_of(self.servers_file, self.server)
        if not pids:
            raise NoVictim(f"no {self.server} runs")
        send(pids[0], signal.SIGKILL)

        async def back() -> bool:
            return pids_of(self.servers_file, self.server) != pids and await self.answers()

        return await until(back, _BACK_SECONDS_MAX)


def pids_of(run_file: RunFile, name: str) -> list[int]:
    """The pids that stand under a name, as one number or as many."""
    found = run_file.read().get("pids", {}).get(name, [])
    return list(found) if isinstance(found, list) else [found]


def send(pid: int, number: signal.Signals) -> None:
    """A signal to a process that may have ended already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def resident_bytes(pid: int) -> int:
    """Memory of a process; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - not a path of ours
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
