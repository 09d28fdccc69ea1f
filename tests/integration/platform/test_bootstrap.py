"""What a machine lacks is said in one line with the command that mends it; what is there is not made again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOCK = "requirements/development.txt"

SUDO = "" if os.geteuid() == 0 else "sudo "
OLD_PYTHON = """
if [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi
"""
# Debian's python3 without its venv package: everything works but ensurepip.
NO_VENV = f"""
case "$2" in *ensurepip*) exit 1;; esac
exec {sys.executable} "$@"
"""
# A Python whose virtual environments are only noted down.
RECORDING = f"""
case "$*" in
  *"venv --clear"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python && echo made >> made;;
  *"pip install"*) echo "$@" > installed;;
  *) exec {sys.executable} "$@";;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the script needs of a fresh clone, in a folder whose name has a space."""
    folder = tmp_path / "fresh clone"
    for name in ("config/bootstrap.sh", LOCK):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A PATH with the shell's tools, an apt-get, and the Python that a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "dirname", "cmp", "mkdir", "grep", "cp", "id"):
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    write_program(folder / "apt-get", "exit 1")
    return folder


def write_program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def bootstrap(checkout: Path, programs: Path) -> "subprocess.CompletedProcess[str]":
    """Run the script with nothing on PATH but those programs."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON"} | {"PATH": str(programs)}
    script = str(checkout / "config/bootstrap.sh")
    return subprocess.run([script], env=environment, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - our own script


def test_an_old_python_is_named_with_what_mends_it(checkout: Path, programs: Path) -> None:
    """One line: what is needed, what was found, what to type."""
    write_program(programs / "python3", OLD_PYTHON)
    ended = bootstrap(checkout, programs)
    assert ended.returncode == 1
    assert ended.stderr == (
        "threadneedle: Python 3.11 or newer is needed, found: Python 3.9.2. "
        f"To mend it: {SUDO}apt-get install -y python3.11 python3.11-venv\n"
    )


def test_no_python_at_all(checkout: Path, programs: Path) -> None:
    """One line here too."""
    ended = bootstrap(checkout, programs)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "found: none" in ended.stderr


def test_a_python_without_venv_is_named_with_what_mends_it(checkout: Path, programs: Path) -> None:
    """Debian ships python3 without ensurepip; the line names the package of this very version."""
    write_program(programs / "python3", NO_VENV)
    ended = bootstrap(checkout, programs)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert ended.returncode == 1
    assert ended.stderr == (
        f"threadneedle: this Python {version} has no venv. To mend it: {SUDO}apt-get install -y python{version}-venv\n"
    )
    assert not (checkout / ".venv").exists()


def test_a_newer_python_beside_an_old_python3_is_found(checkout: Path, programs: Path) -> None:
    """python3 is tried first, then the names with versions."""
    write_program(programs / "python3", OLD_PYTHON)
    write_program(programs / "python3.12", RECORDING)
    assert bootstrap(checkout, programs).returncode == 0
    assert (checkout / "made").exists()


def test_it_installs_once_and_again_when_the_lock_changes(checkout: Path, programs: Path) -> None:
    """The second run does nothing; a changed lock file makes the environment anew; hashes are always required."""
    write_program(programs / "python3", RECORDING)
    assert bootstrap(checkout, programs).returncode == 0
    assert "--require-hashes" in (checkout / "installed").read_text(encoding="utf-8")
    second = bootstrap(checkout, programs)
    assert (second.returncode, second.stderr) == (0, "")
    assert (checkout / "made").read_text(encoding="utf-8") == "made\n"
    with (checkout / LOCK).open("a", encoding="utf-8") as lock:
        lock.write("# changed\n")
    assert bootstrap(checkout, programs).returncode == 0
    assert (checkout / "made").read_text(encoding="utf-8") == "made\nmade\n"


def test_an_interrupted_installation_is_made_good(checkout: Path, programs: Path) -> None:
    """What was not finished does not count as installed, and the line says what to do."""
    write_program(programs / "python3", RECORDING.replace('echo "$@" > installed', "exit 1"))
    ended = bootstrap(checkout, programs)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("threadneedle: the locked packages were not installed")
    write_program(programs / "python3", RECORDING)
    assert bootstrap(checkout, programs).returncode == 0


@pytest.mark.parametrize("name", ["requirements/production.txt", LOCK])
def test_the_lock_names_no_place(name: str) -> None:
    """Every pinned package has a hash, and no index or host name stands in the file."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pinned = [number for number, line in enumerate(lines) if "==" in line and not line.startswith(("#", " "))]
    assert pinned
    assert all("--hash=sha256:" in lines[number + 1] for number in pinned)
    assert not [line for line in lines if "://" in line or "index" in line]


def test_the_two_locks_agree() -> None:
    """Tests run on what production runs on."""
    assert pins("requirements/production.txt") <= pins(LOCK)


def pins(name: str) -> set[str]:
    """The pinned versions of a lock file."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {line.split(" ")[0] for line in lines if "==" in line and not line.startswith(("#", " "))}
