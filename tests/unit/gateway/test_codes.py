"""The codes of problems: every one that is raised stands in the table, and every one of a route too."""

import ast
from collections.abc import Iterator

import pytest

from gateway.admin.routes import ADMIN_ROUTES
from gateway.problems import errors as edge_errors
from gateway.problems.codes import CODES, STATUS_OF
from gateway.problems.document import STATUS_OF_CODE, STATUSES, example_of
from gateway.routes import PUBLIC_ROUTES
from kernel import errors
from kernel.errors import ThreadneedleError
from tests.repository.source import Module, modules

# Codes of classes that are never raised as such.
_ABSTRACT = {"refused", "forbidden"}


def _classes() -> dict[str, type[ThreadneedleError]]:
    found = {**vars(errors), **vars(edge_errors)}
    return {
        name: each for name, each in found.items() if isinstance(each, type) and issubclass(each, ThreadneedleError)
    }


CLASSES = _classes()


def _raised(module: Module) -> Iterator[tuple[str, str]]:
    """Class and code of every error that is made with a code of its own; named constants are looked up."""
    constants = {
        node.targets[0].id: node.value.value
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef) and node.name not in CLASSES:
            yield from (
                (base.id, code) for base in node.bases if isinstance(base, ast.Name) for code in _own_code(node)
            )
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CLASSES:
            for keyword in node.keywords:
                if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                    yield node.func.id, keyword.value.value
                elif keyword.arg == "code" and isinstance(keyword.value, ast.Name) and keyword.value.id in constants:
                    yield node.func.id, str(constants[keyword.value.id])


def _own_code(node: ast.ClassDef) -> Iterator[str]:
    """The code that a class of errors gives itself, where its base is one of ours."""
    for line in node.body:
        names = [target.id for target in getattr(line, "targets", ()) if isinstance(target, ast.Name)]
        if names == ["code"] and isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant):
            yield str(line.value.value)


RAISED = sorted({pair for module in modules() for pair in _raised(module) if pair[0] in CLASSES})


@pytest.mark.parametrize(("kind", "code"), RAISED)
def test_a_code_that_is_raised_is_described_with_its_status(kind: str, code: str) -> None:
    """Whoever raises an error with a new code describes it in gateway/problems/codes.py."""
    assert code in STATUS_OF, f"{code} is raised and not described"
    by_class = next(status for each, status in STATUSES if issubclass(CLASSES[kind], each))
    assert STATUS_OF[code] == STATUS_OF_CODE.get(code, by_class)


@pytest.mark.parametrize("kind", [each for each in CLASSES.values() if each.code not in _ABSTRACT])
def test_the_code_of_a_class_is_described(kind: type[ThreadneedleError]) -> None:
    """The usual code of each error has its status."""
    assert STATUS_OF[kind.code] == next(status for each, status in STATUSES if issubclass(kind, each))


def test_what_routes_refuse_with_is_described_and_all_is_raised() -> None:
    """No row names a code that is not in the table, and none of the table's own is left over."""
    named = {code for route in (*PUBLIC_ROUTES, *ADMIN_ROUTES) for code in route.refuses}
    assert named <= STATUS_OF.keys()
    raised = {code for _, code in RAISED}
    assert {code for status in (403, 409, 503) for code in CODES[status]} <= raised | {
        kind.code for kind in CLASSES.values()
    }


def test_a_code_has_one_status_and_one_sentence() -> None:
    """And its example is a whole problem document."""
    assert len(STATUS_OF) == sum(len(codes) for codes in CODES.values())
    for status, codes in CODES.items():
        for code, sentence in codes.items():
            assert sentence.endswith(".")
            shown = example_of(code).document("request-1")
            assert (shown["status"], shown["code"]) == (status, code)
            assert all(shown.values())
