"""Size is a smell detector: small modules, small functions, small folders, few parameters."""

import ast
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.repository.source import ROOT, Module, modules

MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 50
FOLDER_FILES_MAX = 8
PARAMETERS_MAX = 5

# Path, or path::function → the reason why it may be larger.
EXCEPTIONS: dict[str, str] = {
    "config/database/migrations/versions": "a migration that ran somewhere is never merged into another",
}

type_of_function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(module: Module) -> Iterator[type_of_function]:
    """Every function and method of a module."""
    return (node for node in ast.walk(module.tree) if isinstance(node, type_of_function))


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_modules_and_functions_stay_small(module: Module) -> None:
    """A module has at most 300 lines; a function at most 50 lines and 5 parameters."""
    found = [f"{module.name} has {lines} lines" for lines in [module.text.count("\n")] if lines > MODULE_LINES_MAX]
    for function in functions(module):
        lines = (function.end_lineno or 0) - function.lineno + 1
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        parameters = [argument for argument in arguments if argument.arg not in {"self", "cls"}]
        if lines > FUNCTION_LINES_MAX and f"{module.name}::{function.name}" not in EXCEPTIONS:
            found.append(f"{module.name}::{function.name} has {lines} lines")
        if len(parameters) > PARAMETERS_MAX and f"{module.name}::{function.name}" not in EXCEPTIONS:
            found.append(f"{module.name}::{function.name} has {len(parameters)} parameters")
    assert not [line for line in found if line.split(" ")[0] not in EXCEPTIONS]


def test_folders_stay_small() -> None:
    """A folder holds at most eight source files, not counting `__init__.py`."""
    counts = Counter(module.path.parent for module in modules() if module.path.name != "__init__.py")
    large = {str(folder.relative_to(ROOT)): count for folder, count in counts.items() if count > FOLDER_FILES_MAX}
    assert not {folder: count for folder, count in large.items() if folder not in EXCEPTIONS}


def test_no_exception_outlives_its_reason() -> None:
    """Everything on the list of exceptions still exists and has a reason."""
    for name, reason in EXCEPTIONS.items():
        assert reason
        assert (ROOT / name.split("::")[0]).exists(), name
