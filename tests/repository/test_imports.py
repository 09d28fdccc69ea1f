"""Imports point one way (docs/architecture.md)."""

import ast
from collections.abc import Iterator

import pytest

from tests.repository.source import ROOMS, ROOT, Module, modules

MAY_IMPORT: dict[str, frozenset[str]] = {
    "threadneedle": frozenset(ROOMS),
    "gateway": frozenset({"payments", "accounts", "adapters", "webhooks", "kernel"}),
    "payments": frozenset({"adapters", "webhooks", "kernel"}),
    "accounts": frozenset({"adapters", "webhooks", "kernel"}),
    "adapters": frozenset({"kernel"}),
    "webhooks": frozenset({"kernel"}),
    "kernel": frozenset(),
    "config": frozenset({"kernel"}),
    "bench": frozenset({"kernel"}),
}
# A folder of adapters/ with a mapping is a protocol; everything else there is the kit.
PROTOCOLS = {path.parent.name for path in (ROOT / "adapters").glob("*/mapping.py")}


def imported(module: Module) -> Iterator[str]:
    """Dotted names of everything that a module imports."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name}:{node.lineno}: imports are absolute"
            yield node.module or ""


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_rooms_import_only_what_lies_below(module: Module) -> None:
    """A room imports itself and the rooms below it; nothing imports the tests."""
    allowed = MAY_IMPORT[module.room] | {module.room}
    ours = {*ROOMS, "bench", "tests"}
    wrong = sorted(name for name in imported(module) if name.split(".")[0] in ours - allowed)
    assert not wrong, f"{module.name} imports {wrong}"


@pytest.mark.parametrize(
    "module", [m for m in modules() if m.room in {"payments", "accounts"}], ids=lambda module: module.name
)
def test_payments_know_nothing_of_http(module: Module) -> None:
    """The rooms where money is decided and consents are kept import no HTTP library."""
    assert not [name for name in imported(module) if name.split(".")[0] == "aiohttp"]


@pytest.mark.parametrize("module", [m for m in modules() if m.room == "adapters"], ids=lambda module: module.name)
def test_one_protocol_never_imports_another(module: Module) -> None:
    """Two banks are compared side by side because neither leans on the other."""
    protocol = module.path.relative_to(ROOT / "adapters").parts[0].removesuffix(".py")
    others = {name.split(".")[1] for name in imported(module) if name.startswith("adapters.")}
    assert protocol not in PROTOCOLS or not others & PROTOCOLS - {protocol}, f"{module.name} imports another protocol"
