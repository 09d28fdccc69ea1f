"""One server process: started through `launch.py`, watched, stopped politely and then not politely."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.embedded.process.account import Account

_LAUNCHER = Path(__file__).with_name("launch.py")
_STOP_POLL_SECONDS = 0.01
# Seldom enough to cost nothing while a process runs for days.
_END_POLL_SECONDS = 0.05
_LOG_TAIL_BYTES = 2000


class ServerFailed(Exception):
    """A server cannot be started; the message says why, in its own words where there are any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run and how: `stop_signal` is also what it gets when this process dies.

    Without an `environment` it gets a bare one, so that a server does not depend on who started it.
    """

    arguments: Sequence[str]
    folder: Path
    log: Path
    account: Account | None
    stop_signal: signal.Signals
    stdin: bytes = b""
    environment: Mapping[str, str] | None = None


class Child:
    """A started process, in a session of its own: Ctrl-C in the terminal reaches us alone, and we stop it last."""

    def __init__(self, command: Command) -> None:
        """Start it. The kernel ties its life to the calling thread, which must be the one that lives longest."""
        self._command = command
        plan = {
            "command": list(command.arguments),
            "parent": os.getpid(),
            "signal": int(command.stop_signal),
            "account": _account(command),
        }
        with command.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own launcher
                [sys.executable, "-I", "-S", str(_LAUNCHER), json.dumps(plan)],
                cwd=command.folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=command.environment or {"PATH": os.environ.get("PATH", ""), "TZ": "UTC", "LC_ALL": "C"},
                start_new_session=True,
            )
        self._feed(command.stdin)

    def _feed(self, stdin: bytes) -> None:
        if self._process.stdin is None:
            return
        try:
            self._process.stdin.write(stdin)
            self._process.stdin.close()
        except BrokenPipeError:
            return  # it is gone already; whoever waits for it will see that

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def running(self) -> bool:
        """False once it ended."""
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait()

    async def ended(self) -> int:
        """Wait for its end; the exit status."""
        while (status := self._process.poll()) is None:  # noqa: ASYNC110 - only the system knows, and it does not call
            await asyncio.sleep(_END_POLL_SECONDS)
        return status

    async def stop(self, seconds_max: float) -> None:
        """Ask it to end, and kill it if it has not after that time."""
        if not self.running():
            return
        self._process.send_signal(self._command.stop_signal)
        deadline = time.monotonic() + seconds_max
        while self.running() and time.monotonic() < deadline:  # noqa: ASYNC110 - as above
            await asyncio.sleep(_STOP_POLL_SECONDS)
        if self.running():
            self.kill()

    def failure(self, what: str) -> ServerFailed:
        """The error to raise, with the end of the log."""
        text = self._command.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()
        return ServerFailed(f"{what}; the end of {self._command.log}:\n{text}")


def _account(command: Command) -> dict[str, int | bool] | None:
    account = command.account
    if account is None:
        return None
    reach = account.can_enter(command.folder) and account.can_enter(Path(command.arguments[0]).resolve().parent)
    return {"uid": account.uid, "gid": account.gid, "reach": not reach}
