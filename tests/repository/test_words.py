"""What has no place in the repository is not in it."""

import ast
import re

from tests.repository.source import ROOT, tracked_files

# Spelt in pieces, so that this file does not find itself.
FORBIDDEN = (
    re.compile("/work" + r"/(main|shared)"),
    re.compile(r"\.\./\." + "library"),
    re.compile(r"pypi\." + "org|files\\.python" + "hosted"),
    re.compile(r"\b(TO" + "DO|FIX" + r"ME)\b"),
    re.compile(r"^[<>]" + r"{7} ", re.MULTILINE),
)
TEXT = {".py", ".sql", ".md", ".toml", ".yaml", ".yml", ".txt", ".lua", ".json", ".cfg", ".sh", ""}


def test_no_file_names_machines_registries_or_unfinished_work() -> None:
    """No path of a developer's machine, no registry host, no note of work to be done later, no mark of a merge."""
    found = []
    for path in tracked_files():
        if path.suffix in TEXT and path.stat().st_size < 2**21:
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [
                f"{path.relative_to(ROOT)}: {match.group()}" for rule in FORBIDDEN for match in rule.finditer(text)
            ]
    assert not found


def test_every_test_states_its_rule() -> None:
    """Each test opens with its rule in a sentence."""
    silent = []
    for path in tracked_files():
        if path.name.startswith("test_") and path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
                if named and not ast.get_docstring(node):
                    silent.append(f"{path.relative_to(ROOT)}::{node.name}")
    assert not silent
