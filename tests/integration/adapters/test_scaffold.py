"""A new adapter's folder is whole from its first minute."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.scaffold import NotPossible, main, write

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("adapters", "config", "gateway", "kernel", "payments", "webhooks")
NEEDED = (
    *ROOMS,
    "tests/__init__.py",
    "tests/conftest.py",
    "tests/support",
    "tests/contracts/adapters",
    "tests/unit/adapters",
)
# The kit without the fault matrix: a scaffold pays nothing, so no fault applies to it.
KIT = ("test_structure.py", "test_recordings.py", "test_fuzz.py", "test_fault_matrix.py", "test_notifications.py")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what an adapter needs of the repository."""
    root = tmp_path / "copy"
    root.mkdir()
    shutil.copy(ROOT / "pyproject.toml", root)
    for each in NEEDED:
        source, target = ROOT / each, root / each
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return root


def run(root: Path, *command: str, status: int = 0) -> str:
    """Run a tool of this environment in the copy; its output, which is also the failure's message."""
    given = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    environment = {**given, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(  # noqa: S603 - our own tools
        [sys.executable, "-m", *command], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.timeout(300)
def test_a_scaffold_passes_the_linter_the_types_and_the_kit(copy: Path) -> None:
    """What is written passes ruff, mypy and the kit as it is, its bank runs alone, and nothing else was touched."""
    before = snapshot(copy)
    run(copy, "adapters.scaffold", "example_bank")
    after = snapshot(copy)
    written = [str(path) for path in after if path not in before]
    assert {path: after[path] for path in before} == before
    assert "adapters/example_bank/mapping.py" in written
    python = [path for path in written if path.endswith(".py")]
    run(copy, "ruff", "check", *python)
    run(copy, "ruff", "format", "--check", *python)
    run(copy, "mypy", "-p", "adapters.example_bank")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "cannot listen" in run(copy, "adapters.example_bank.simulator", "--port", port, status=1)
    kit = [f"tests/contracts/adapters/{name}" for name in KIT]
    run(copy, "pytest", "-q", "-p", "no:cacheprovider", "-k", "example_bank", "tests/unit/adapters/example_bank", *kit)


@pytest.mark.timeout(300)
def test_a_contradictory_declaration_is_one_error_that_names_its_field(copy: Path) -> None:
    """The kit shows one failure without a traceback, however much of it trusts the declaration."""
    run(copy, "adapters.scaffold", "examplebank")
    declaration = copy / "adapters/examplebank/declaration.py"
    declaration.write_text(declaration.read_text(encoding="utf-8").replace('"1")', '"1", poll_seconds=())'))
    kit = ("tests/contracts/adapters", "-k", "examplebank", "-m", "not long")
    said = run(copy, "pytest", "-q", "-p", "no:cacheprovider", *kit, status=1)
    assert "adapters/examplebank/declaration.py: poll_seconds: must be given and positive" in said
    assert ("1 failed," in said, "Traceback" in said, "Error" in said) == (True, False, False)


@pytest.mark.timeout(300)
def test_the_worked_example_of_the_page_is_whole(copy: Path) -> None:
    """The files that docs/adding-an-adapter.md shows, put over a scaffold, pass ruff, mypy and the kit.

    Two of the kit take long and are left out: payments under seeded faults, and a death at each step of a payment.
    """
    run(copy, "adapters.scaffold", "examplebank")
    written = [put(copy, *shown) for shown in shown_files()]
    assert len(written) == len(set(written)) >= 9
    python = [path for path in written if path.endswith(".py")]
    run(copy, "ruff", "check", *python)
    run(copy, "ruff", "format", "--check", *python)
    run(copy, "mypy", "-p", "adapters.examplebank")
    selected = ("-k", "examplebank and not seeded_faults and not killed_at_each_step", "-m", "not long")
    kit = ["tests/unit/adapters/examplebank", "tests/contracts/adapters"]
    run(copy, "pytest", "-q", "-p", "no:cacheprovider", *selected, *kit)


def shown_files() -> list[tuple[str, str]]:
    """The path and the text of each file that the page shows."""
    page = (ROOT / "docs/adding-an-adapter.md").read_text(encoding="utf-8")
    shown = r"^`(examplebank/[\w./-]+|test_mapping\.py)`\n\n```\w+\n(.*?)^```$"
    return re.findall(shown, page, re.DOTALL | re.MULTILINE)


def put(root: Path, path: str, text: str) -> str:
    """Write a shown file to its place."""
    place = f"adapters/{path}" if "/" in path else f"tests/unit/adapters/examplebank/{path}"
    file = root / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return place


@pytest.mark.parametrize("name", ["", "A", "1bank", "a-b", "sandbox", "engine", "contract", "templates", "x" * 41])
def test_a_name_that_is_taken_or_no_name_is_refused(copy: Path, name: str) -> None:
    """Nothing is written over, and nothing that could not be imported is written."""
    before = snapshot(copy)
    with pytest.raises(NotPossible):
        write(name, copy)
    assert snapshot(copy) == before


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Bank-1", "no package name"),
        ("class", "a word of Python itself"),
        ("json", "standard library"),
        ("aiohttp", "Another package"),
        ("kernel", "Another package"),
    ],
)
def test_a_refusal_is_one_sentence_with_the_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, why: str
) -> None:
    """A name that would hide or be hidden by another module ends with 2, and the sentence says what a name may be."""
    assert main([name], tmp_path) == 2
    said = capsys.readouterr().err
    assert why in said
    assert "lower-case letters, digits and underscores, begins with a letter" in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_it_wrote(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints each file and what to do next; a wrong call ends with 2."""
    assert main(["other_bank"], copy) == 0
    said = capsys.readouterr().out
    assert "adapters/other_bank/declaration.py" in said
    assert ".venv/bin/python -m pytest tests/contracts/adapters -k other_bank" in said
    assert main(["other_bank"], copy) == 2
    assert main([], copy) == 2


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file by its path."""
    files = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files if path.parts[-2] != ".ruff_cache"}


def made(name: str, where: Path) -> str:
    """What `make new-adapter` says in a folder that has nothing yet: no environment, and no script that makes one."""
    command = ["make", "-f", str(ROOT / "Makefile"), "-C", str(where), "new-adapter", f"NAME={name}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own Makefile
    assert done.returncode == 2
    return done.stderr


@pytest.mark.parametrize("name", ["", "x", "Bad", "two-words", "1st", "a b", "a;b", "a" * 41])
def test_a_name_of_another_form_is_refused_before_anything_is_built(name: str, tmp_path: Path) -> None:
    """The form is the one that the command itself holds to."""
    said = made(name, tmp_path)
    assert "say the protocol's name" in said
    assert "bootstrap" not in said
    with pytest.raises(NotPossible):
        write(name, tmp_path)


@pytest.mark.parametrize("name", ["ab", "bank_2", "a" * 40])
def test_a_name_of_the_right_form_goes_on_to_the_environment(name: str, tmp_path: Path) -> None:
    """What else may be wrong with it is said by the command, once there is one."""
    assert "bootstrap" in made(name, tmp_path)
