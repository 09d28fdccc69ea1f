"""Writes the folder of a new bank protocol: python -m adapters.scaffold examplebank (or: make new-adapter NAME=…).

What it writes runs, passes the conformance kit and declares nothing. No other file is touched.
"""

import re
import sys
from importlib.util import find_spec
from itertools import groupby
from keyword import iskeyword
from pathlib import Path
from string import Template

_ADAPTERS = Path(__file__).parent
_TEMPLATES = _ADAPTERS / "templates"
_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
_RULE = "a name is 2 to 40 lower-case letters, digits and underscores, begins with a letter"
_NEXT = """
Next:
  1. declaration.py   say what the bank can do, takes and promises; recovery decides what happens after a timeout
  2. mapping.py       build and parse, with the bank's words in tables.py
  3. simulator/       let the bank keep books, check what it gets, and show the faults of adapters/simulation/faults.py
  4. recordings/      record each request that is built and each answer that is understood
  5. .venv/bin/python -m pytest tests/contracts/adapters -k {name} -m "not long"
docs/adding-an-adapter.md explains each.
"""


class NotPossible(ValueError):
    """The folder cannot be written; the message says why."""


def write(name: str, root: Path) -> list[Path]:
    """Write the protocol's folder and its tests under a repository's root; the files that were written.

    Raises NotPossible for a name that is no package name, or that Python, a package or an adapter has.
    """
    folder = root / "adapters" / name
    refused = _refused(name, folder)
    if refused:
        raise NotPossible(refused)
    places = {
        _TEMPLATES / "protocol": folder,
        _TEMPLATES / "tests": root / "tests/unit/adapters" / name,
    }
    return [_write_one(file, source, target, name) for source, target in places.items() for file in _templates(source)]


def main(arguments: list[str], root: Path = _ADAPTERS.parent) -> int:
    """The command: prints what was written and what to do next; 2 where it cannot be done."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m adapters.scaffold NAME\n")
        return 2
    try:
        written = write(arguments[0], root)
    except NotPossible as error:
        sys.stderr.write(f"{error}\n")
        return 2
    lines = [f"  {file.relative_to(root)}" for file in written]
    sys.stdout.write("Written:\n" + "\n".join(lines) + "\n" + _NEXT.format(name=arguments[0]))
    return 0


def _refused(name: str, folder: Path) -> str | None:
    """Why no protocol can have this name, in one sentence."""
    if not _NAME.fullmatch(name):
        return f"This is no package name: {_RULE}, and holds nothing else."
    if iskeyword(name):
        return f"This is a word of Python itself: {_RULE}, and is no keyword."
    if folder.exists() or folder.with_suffix(".py").exists():
        return "adapters/ already has this name."
    if name in sys.stdlib_module_names:
        return f"Python's standard library has this name: {_RULE}, and is no module of Python."
    if find_spec(name) is not None:
        return f"Another package has this name: {_RULE}, and is no other package's."
    return None


def _templates(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.txt"))


def _write_one(template: Path, source: Path, target: Path, name: str) -> Path:
    file = target / template.relative_to(source).with_suffix("")
    file.parent.mkdir(parents=True, exist_ok=True)
    text = Template(template.read_text(encoding="utf-8")).substitute(
        name=name,
        constant=name.upper(),
        title=name.replace("_", " ").capitalize(),
        class_name="".join(word.capitalize() for word in name.split("_")),
    )
    file.write_text(_sorted_imports(text), encoding="utf-8")
    return file


def _sorted_imports(text: str) -> str:
    """Where the new name stands among our own imports depends on the name."""
    lines = text.splitlines(keepends=True)
    runs = groupby(lines, key=lambda line: line.startswith("from adapters."))
    return "".join(
        line for ours, run in runs for line in (sorted(run, key=lambda each: each.split()[1]) if ours else run)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
