"""What a chaos run started is ended with it, whatever happened in between."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.chaos.system import System
from bench.process import Process
from bench.target import Target

ROOT = Path(__file__).resolve().parents[3]
# A system in small: takes a moment to come up, writes its run file, and goes at SIGTERM.
SMALL_SYSTEM = """
import json, os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
time.sleep(0.1)
run_file = pathlib.Path(sys.argv[1], "run.json")
run_file.parent.mkdir(parents=True, exist_ok=True)
run_file.write_text(json.dumps({"pids": {role: [os.getpid()] for role in ("gateway", "dispatcher", "worker")}}))
time.sleep(300)
"""
# Goes at nothing less than SIGKILL, and has a child.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", *sys.argv[1:]], start_new_session=True)
open(sys.argv[1] + "/up", "w").close()
time.sleep(300)
"""


def naming(folder: Path) -> list[str]:
    """The processes whose command line or environment names a folder, as each of a run's does."""
    return [line for pid in Path("/proc").glob("[0-9]*") if (line := _line(pid, os.fsencode(folder)))]


def _line(pid: Path, folder: bytes) -> str:
    if pid.name == str(os.getpid()):
        return ""
    try:
        command, environment = (pid / "cmdline").read_bytes(), (pid / "environ").read_bytes()
    except OSError:
        return ""
    return f"{pid.name} {command!r}" if folder in command or folder in environment else ""


async def until(true: Callable[[], object], seconds_max: float = 60.0) -> None:
    deadline = time.monotonic() + seconds_max
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def small_system(folder: Path) -> System:
    command = ["-c", SMALL_SYSTEM, "$state"]
    return System(Target.load().start.model_copy(update={"system": command, "environment": {}}), folder, {}, dict)


async def test_two_restarts_at_once_leave_one_system(tmp_path: Path) -> None:
    """The second one waits for the first, so that the ending knows of every system that was started."""
    system = small_system(tmp_path)
    await system.start(0)
    await asyncio.gather(system.restart(0), system.restart(60))
    assert len(naming(tmp_path)) == 1
    await system.end()
    assert naming(tmp_path) == []


async def test_a_system_that_was_still_coming_up_is_ended_too(tmp_path: Path) -> None:
    """Cancelled between its start and its readiness."""
    system = small_system(tmp_path)
    starting = asyncio.create_task(system.start(0))
    await until(lambda: naming(tmp_path))
    starting.cancel()
    await asyncio.wait({starting})
    await system.end()
    assert naming(tmp_path) == []


async def test_a_system_that_its_keeper_is_bringing_back_is_ended_too(tmp_path: Path) -> None:
    """It ended by itself a moment ago."""
    system = small_system(tmp_path)
    await system.start(0)
    os.kill(system.run_file.read()["pids"]["worker"][0], signal.SIGKILL)
    await until(lambda: system.restarts)
    await system.end()
    assert (naming(tmp_path), system.restarts) == ([], 1)


async def test_what_does_not_listen_is_killed_with_its_children(tmp_path: Path) -> None:
    """A supervisor that hangs leaves no role behind, though roles have sessions of their own."""
    process = Process(["-c", STUBBORN, tmp_path], tmp_path / "log")
    await process.start()
    await process.ready((tmp_path / "up").exists, 30)
    assert len(naming(tmp_path)) == 2
    await process.stop(seconds_max=0.1)
    await until(lambda: not naming(tmp_path))


@pytest.mark.parametrize(("number", "phase"), [(signal.SIGINT, "servers/servers.json"), (signal.SIGTERM, "scene.json")])
async def test_a_run_that_is_stopped_leaves_nothing(number: signal.Signals, phase: str, tmp_path: Path) -> None:
    """While its servers come up, and while the load begins; it says so and ends with status 2."""
    command = ["-m", "bench.chaos", "--seeds", "2", "--seconds", "60", "--state", str(tmp_path)]
    run = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        await until((tmp_path / "1" / phase).exists, 90)
        run.send_signal(number)
        _, said = await run.communicate()
    finally:
        if run.returncode is None:
            run.kill()
    assert (run.returncode, naming(tmp_path)) == (2, [])
    assert b"stopped by a signal" in said
    assert not (tmp_path / "1/servers/embedded/postgresql.data/pg_wal").is_mount()
