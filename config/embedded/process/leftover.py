"""What a killed run may have left: a server that nobody waits for any more.

On Linux the kernel tells the servers when their parent dies, and a quick next run meets one that is still stopping.
Elsewhere nothing tells them. Both are ended here, and only if the process is surely the one that was recorded: its
command line must carry a mark that no other process has.
"""

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path

_POLL_SECONDS = 0.05
_STOP_SECONDS_MAX = 10


async def end(pid_file: Path, mark: str, stop_signal: signal.Signals) -> None:
    """End the recorded process, if it still runs and carries the mark: politely first, then not."""
    pid = _recorded(pid_file)
    if pid is None:
        return
    deadline = time.monotonic() + _STOP_SECONDS_MAX
    wanted = stop_signal
    while mark in _command_line(pid):
        _send(pid, wanted)
        await asyncio.sleep(_POLL_SECONDS)
        if time.monotonic() > deadline:
            wanted = signal.SIGKILL


def _recorded(pid_file: Path) -> int | None:
    text = pid_file.read_text(encoding="ascii") if pid_file.exists() else ""
    first = text.split("\n", 1)[0].strip()
    return int(first) if first.isdecimal() else None


def _send(pid: int, wanted: signal.Signals) -> None:
    try:
        os.kill(pid, wanted)
    except ProcessLookupError:
        return


def _command_line(pid: int) -> str:
    """What the process was started with; empty once it ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "" if Path("/proc/self").exists() else _asked_of_ps(pid)


def _asked_of_ps(pid: int) -> str:
    answer = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607 - where there is no /proc
    return answer.stdout
