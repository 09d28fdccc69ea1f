"""What both servers share: start until it answers, start again where it was, stop."""

import asyncio
import os
import signal
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from config.embedded import ports
from config.embedded.process import leftover
from config.embedded.process.account import Account
from config.embedded.process.child import Child, Command, ServerFailed

_START_SECONDS_MAX = 30
_STOP_SECONDS_MAX = 10
_RETRY_SECONDS = (0.1, 0.2, 0.4, 0.8)
_RESTART_SECONDS = 1
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a server lives: the folder of its files, who runs it, and what it asks its clients for."""

    state: Path
    account: Account | None
    password: str


class Server(ABC):
    """A server as a child of this process. One start or stop happens at a time, whoever asks."""

    name: str
    stop_signal: signal.Signals

    def __init__(self, place: Place) -> None:
        self.place = place
        self.port = 0
        self._child: Child | None = None
        self._turn = asyncio.Lock()
        self._wanted = False

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it answers, with its password."""

    @property
    @abstractmethod
    def mark(self) -> str:
        """What the command line of its process has, and of no other; `port` is that of its last start."""

    @abstractmethod
    def command(self) -> Command:
        """How to start it on `port`."""

    async def prepare(self) -> None:  # noqa: B027 - a server that keeps nothing has nothing to prepare
        """Make its data ready, whatever state an earlier run left them in."""

    @abstractmethod
    async def answers(self) -> bool:
        """True once it serves."""

    @property
    def log(self) -> Path:
        """What it said."""
        return self.file("log")

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self._child.pid if self._child and self._child.running() else None

    async def start(self) -> None:
        """Start it, unless it runs, and wait until it answers.

        Raises ServerFailed with the end of its log. Tried again a few times: the port may have been taken in between,
        or a killed predecessor's last process still holds what it held.
        """
        async with self._turn:
            self._wanted = True
            if self.pid is None:
                await self._start()

    async def restart(self) -> None:
        """Stop it, if it runs, and start it."""
        async with self._turn:
            await self._stop()
            await self._start()

    async def stop(self) -> None:
        """Stop it; what was committed is on disk."""
        async with self._turn:
            self._wanted = False
            await self._stop()

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._child is not None:
            self._child.kill()

    async def keep_running(self) -> None:
        """Start it again whenever it ends, until it is stopped; a start that fails (a full disk) is tried again."""
        while self._wanted and self._child is not None:
            await self._child.ended()
            if self._wanted:
                try:
                    await self.start()
                except (ServerFailed, OSError):
                    await asyncio.sleep(_RESTART_SECONDS)

    async def _start(self) -> None:
        self.port = ports.remembered(self.file("port"))
        await leftover.end(self.file("pid"), self.mark, self.stop_signal)
        await self.prepare()
        waits_seconds = iter(_RETRY_SECONDS)
        while not (child := await self._tried()).running():
            if (wait_seconds := next(waits_seconds, None)) is None:
                raise child.failure(f"{self.name} did not start")
            await asyncio.sleep(wait_seconds)

    async def _tried(self) -> Child:
        """Started on a free port; it answers, or it ended."""
        self.port = ports.choose(self.file("port"))
        child = self._child = Child(self.command())
        self.file("pid").write_text(f"{child.pid}\n", encoding="ascii")
        deadline = time.monotonic() + _START_SECONDS_MAX
        while child.running() and not await self.answers():
            if time.monotonic() > deadline:
                child.kill()
                raise child.failure(f"{self.name} did not answer within {_START_SECONDS_MAX} seconds")
            await asyncio.sleep(_POLL_SECONDS)
        return child

    async def _stop(self) -> None:
        if self._child is not None:
            await self._child.stop(_STOP_SECONDS_MAX)
            self.file("pid").unlink(missing_ok=True)

    def file(self, kind: str) -> Path:
        """One of its files in the state folder."""
        return self.place.state / f"{self.name.lower()}.{kind}"

    def own_folder(self, kind: str) -> Path:
        """A folder that only its account may enter; made if there is none."""
        folder = self.file(kind)
        folder.mkdir(mode=0o700, exist_ok=True)
        self.give(folder)
        return folder

    def give(self, path: Path) -> None:
        """Make its account the owner."""
        if self.place.account is not None:
            os.chown(path, self.place.account.uid, self.place.account.gid)
