"""What both servers share: start until it answers, restart where it was, stop."""

import asyncio
import os
import time
from abc import ABC, abstractmethod
from pathlib import Path

from config.embedded.process.account import Account
from config.embedded.process.child import Child, Command, ServerFailed

_START_SECONDS_MAX = 30
_STARTS_MAX = 5
_RETRY_SECONDS = 0.1
_LOG_TAIL_BYTES = 2000
_POLL_SECONDS = 0.02


class Server(ABC):
    """A server in a folder of its own, as a child of this process."""

    name: str
    stop_seconds_max: float = 10

    def __init__(self) -> None:
        self._child: Child | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it answers, with its password."""

    @property
    @abstractmethod
    def log(self) -> Path:
        """Where it writes what it has to say."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid if self._child and self._child.running() else None

    @abstractmethod
    async def prepare(self) -> None:
        """Make its folder ready, whatever state an earlier run left it in."""

    @abstractmethod
    def command(self) -> Command:
        """How to start it now: each try chooses its port anew."""

    @abstractmethod
    async def answers(self) -> bool:
        """True once it serves."""

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises ServerFailed with the end of its log. Tried again a few times: the port may have been taken in between,
        or a killed predecessor's last process still holds what it held.
        """
        await self.prepare()
        for attempt in range(_STARTS_MAX):
            self._child = Child(self.command())
            if await self._answered(self._child):
                return
            await asyncio.sleep(_RETRY_SECONDS * 2**attempt)
        raise self._failure("did not start")

    async def _answered(self, child: Child) -> bool:
        deadline = time.monotonic() + _START_SECONDS_MAX
        while child.running():
            if await self.answers():
                return True
            if time.monotonic() > deadline:
                child.kill()
                raise self._failure(f"did not answer within {_START_SECONDS_MAX} seconds")
            await asyncio.sleep(_POLL_SECONDS)
        return False

    def _failure(self, what: str) -> ServerFailed:
        tail = self.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()
        return ServerFailed(f"{self.name} {what}; the end of {self.log}:\n{tail}")

    async def ended(self) -> None:
        """Wait until its process ends, for whatever reason."""
        if self._child is not None:
            await self._child.ended()

    async def stop(self) -> None:
        """Stop it; what was committed is on disk."""
        if self._child is not None:
            await self._child.stop(self.stop_seconds_max)

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._child is not None:
            self._child.kill()


def own_folder(folder: Path, account: Account | None) -> None:
    """A folder that only its server's account may enter."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
