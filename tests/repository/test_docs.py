"""The documentation names only what exists."""

import re
from pathlib import Path

import pytest
import typer

from payments.states.names import OperatorCode
from tests.repository.source import ROOT, tracked_files

PAGES = tuple(path for path in tracked_files() if path.suffix == ".md" and path.name != "CHANGELOG.md")
TOP_LEVEL = {path.relative_to(ROOT).parts[0] for path in tracked_files()}
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
VERB = re.compile(r"(?:^|`|\s)(?:threadneedle|python -m threadneedle) ([a-z][a-z-]+)", re.MULTILINE)
# Written while it runs.
MADE_BY_RUNNING = ("var/", ".venv")


def pages() -> list[object]:
    """Every page, named by its path."""
    return [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in PAGES]


def commands(page: Path) -> str:
    """The text in code spans and code blocks, where a command is meant to be typed."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```.*?```", text, re.DOTALL)
    return "\n".join([*blocks, *CODE.findall(text)])


@pytest.mark.parametrize("page", pages())
def test_paths_in_docs_exist(page: Path) -> None:
    """A path in code type that begins with one of our folders or files exists."""
    missing = []
    for span in CODE.findall(page.read_text(encoding="utf-8")):
        path = span.split("::")[0].rstrip("/")
        looks_like_path = re.fullmatch(r"[\w./-]+", path) and "/" in path and path.split("/")[0] in TOP_LEVEL
        if looks_like_path and not path.startswith(MADE_BY_RUNNING) and not (ROOT / path).exists():
            missing.append(span)
    assert not missing


@pytest.mark.parametrize("page", pages())
def test_links_in_docs_lead_somewhere(page: Path) -> None:
    """A relative link leads to a file."""
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", pages())
def test_make_targets_in_docs_exist(page: Path) -> None:
    """Every `make …` that a page tells a reader to type is a target."""
    targets = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    assert not set(MAKE.findall(commands(page))) - targets


@pytest.mark.parametrize("page", pages())
def test_verbs_in_docs_exist(page: Path) -> None:
    """Every `threadneedle …` that a page tells a reader to type is a verb of the command line."""
    from threadneedle.cli import app  # noqa: PLC0415 - only this test needs the product

    known = typer.main.get_command(app).list_commands(None)  # type: ignore[attr-defined, arg-type]
    assert not set(VERB.findall(commands(page))) - set(known)


def test_every_code_of_operators_is_explained() -> None:
    """The page for operations has a row of its table for each code that calls persons."""
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    explained = {code for row in re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE) for code in CODE.findall(row)}
    assert not {code.value for code in OperatorCode} - explained


def test_every_decision_is_listed() -> None:
    """The index of decisions names each page, in order."""
    folder = ROOT / "docs/decisions"
    listed = LINK.findall((folder / "README.md").read_text(encoding="utf-8"))
    assert listed == sorted(path.name for path in folder.glob("0*.md"))
