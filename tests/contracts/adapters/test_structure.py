"""What every protocol folder has, and what it may touch."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from adapters.registry import problems_of, protocol_names
from adapters.simulation.faults import Fault
from tests.contracts.adapters.kit.harness import FOUND, NAMES, running
from tests.contracts.adapters.kit.recordings import folder

PURE = ("adapters.contract", "adapters.declaration", "adapters.wire", "adapters.reading", "adapters.signing.keys")
IMPURE_LIBRARIES = {"aiohttp", "asyncio", "socket", "os", "random", "secrets", "time", "uuid"}


@pytest.mark.parametrize("name", NAMES)
def test_a_protocol_folder_is_complete(name: str) -> None:
    """Declaration, mapping, simulator and recordings stand in the folder."""
    for each in ("__init__.py", "declaration.py", "mapping.py", "simulator/__init__.py", "recordings"):
        assert (folder(name) / each).exists()


@pytest.mark.parametrize("name", sorted(FOUND))
def test_a_declaration_agrees_with_itself(name: str) -> None:
    """No declaration contradicts itself, and it carries its folder's name; nothing else is tried with one that does."""
    if problems := problems_of(name, FOUND[name].declaration):
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_mapping_does_no_input_or_output(name: str) -> None:
    """Everything outside the simulator imports pure parts only: no sockets, clocks or chance, no other protocol."""
    for file in sorted(folder(name).glob("*.py")):
        for module in imports(file):
            assert module.split(".")[0] not in IMPURE_LIBRARIES, f"{file.name} imports {module}"
            assert not module.startswith("adapters.") or allowed(name, module), f"{file.name} imports {module}"


@pytest.mark.parametrize("name", NAMES)
def test_no_protocol_knows_another(name: str) -> None:
    """A protocol folder, simulator included, imports no other protocol and no other room."""
    others = {f"adapters.{other}" for other in protocol_names() if other != name}
    rooms = {"payments", "webhooks", "gateway", "config", "threadneedle"}
    for file in sorted(folder(name).rglob("*.py")):
        for module in imports(file):
            assert ".".join(module.split(".")[:2]) not in others
            assert module.split(".")[0] not in rooms


@pytest.mark.parametrize("name", NAMES)
async def test_a_simulator_starts_with_empty_books_and_stops(name: str) -> None:
    """The simulator listens, says how it is reached and which faults it knows, and has paid nothing."""
    assert callable(import_module(f"adapters.{name}.simulator").start_simulator)
    async with running(name) as house:
        assert house.simulator.settings.base_url.startswith("http")
        assert house.simulator.faults <= frozenset(Fault)
        assert house.booked() == []


def imports(file: Path) -> list[str]:
    """The modules that a file imports."""
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def allowed(name: str, module: str) -> bool:
    return module.startswith((*PURE, f"adapters.{name}"))
