"""What runs where on this machine, written by `up` for `demo` and for tools that look from outside."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self


class AlreadyRunning(Exception):
    """Another process runs everything in this state folder; the message says which, and where its API is."""


@contextlib.contextmanager
def sole_run(state: Path) -> Iterator[None]:
    """The state folder is this process's until the block ends or the process does. Raises AlreadyRunning."""
    with (state / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise AlreadyRunning(_who_runs(state, lock.read())) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _who_runs(state: Path, pid: str) -> str:
    try:
        where = f"its API is {RunFile.read(state).gateway}"
    except (OSError, ValueError, TypeError):
        where = "its API is not up yet"
    return f"already running in {state}: process {pid}, {where}. Stop that one first, or give another --state"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFile:
    """The content of `<state>/run.json`. It holds an admin token, so only its owner may read it."""

    gateway: str
    admin: str
    admin_token: str = field(repr=False)
    simulator: str
    uk_bank: str
    eu_bank: str
    watch: dict[str, str]
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    pids: dict[str, list[int]]

    def write(self, state: Path) -> None:
        """Replace the file in one step, so that a reader never sees half of it."""
        temporary = state / "run.json.new"
        descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file, indent=1)
        temporary.replace(state / "run.json")

    @staticmethod
    def remove(state: Path) -> None:
        """What it said is no longer so."""
        (state / "run.json").unlink(missing_ok=True)

    @classmethod
    def read(cls, state: Path) -> Self:
        """Raises FileNotFoundError where nothing was started."""
        return cls(**json.loads((state / "run.json").read_text(encoding="utf-8")))
