"""The whole product as processes, started the way a person starts it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Running
from threadneedle.local.runfile import RunFile

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS_MAX = 120
_STOP_SECONDS_MAX = 60


def environment() -> dict[str, str]:
    """Ports of its own choice, so that runs stand side by side; the one address of all tests may call much."""
    ports = {"THREADNEEDLE_GATEWAY__PORT": "0", "THREADNEEDLE_GATEWAY__ADMIN_PORT": "0"}
    much = "{capacity = 100_000, rate_per_second = 10_000.0}"
    wide = {f"THREADNEEDLE_LIMITS__{name}": much for name in ("TOKEN_BY_ADDRESS", "REFUSED_BY_ADDRESS", "ADMIN")}
    given = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return {**given, **ports, **wide, "COLUMNS": "200"}


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Every role, both stores and a sandbox bank; stopped by their process's id."""
    state = tmp_path_factory.mktemp("up")
    log = (state / "up.log").open("wb")
    command = [sys.executable, "-m", "threadneedle", "up", "--embedded", "--state", str(state)]
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=log, stderr=log) as process:  # noqa: S603 - ours
        try:
            _wait(process, state)
            yield Running(state=state, file=RunFile.read(state))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_SECONDS_MAX)
    log.close()


def _wait(process: "subprocess.Popen[bytes]", state: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while b"stays up" not in (output := (state / "up.log").read_bytes()):
        assert process.poll() is None, output.decode()
        assert time.monotonic() < deadline, output.decode()
        time.sleep(0.1)
