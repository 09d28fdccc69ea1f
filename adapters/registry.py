"""Finds the protocol folders and refuses those whose declaration contradicts itself. There is no list to edit.

A protocol folder is a package `adapters/<name>/` with a module `mapping` that has a function `adapter() -> Adapter`,
and a function `accounts() -> AccountAdapter` where its protocol reads accounts.
"""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import cast

import adapters
from adapters.contract import Adapter
from adapters.contract.accounts import AccountAdapter
from adapters.declaration import Declaration
from adapters.declared import declaration_problems


class UnknownAdapter(LookupError):
    """No protocol folder has this name."""


class InconsistentDeclaration(ValueError):
    """A declaration contradicts itself; the message lists every problem."""


class Registry:
    """The adapters by name."""

    def __init__(self, known: Mapping[str, Adapter]) -> None:
        """Raises InconsistentDeclaration."""
        problems = [problem for name, each in sorted(known.items()) for problem in problems_of(name, each.declaration)]
        if problems:
            raise InconsistentDeclaration("; ".join(problems))
        self._adapters = dict(known)

    def adapter_for(self, name: str) -> Adapter:
        """The adapter of this name. Raises UnknownAdapter."""
        if name not in self._adapters:
            raise UnknownAdapter("there is no adapter of this name")
        return self._adapters[name]

    @property
    def adapters(self) -> Mapping[str, Adapter]:
        """All adapters by name."""
        return self._adapters

    @property
    def declarations(self) -> Mapping[str, Declaration]:
        """What each adapter declares; the engine is built with this."""
        return {name: each.declaration for name, each in self._adapters.items()}


def discover() -> Registry:
    """All protocol folders of this installation. Raises InconsistentDeclaration."""
    return Registry(found())


def found() -> Mapping[str, Adapter]:
    """The adapters of all protocol folders by name, whatever they declare."""
    return {name: load(f"{adapters.__name__}.{name}") for name in protocol_names()}


def discover_readers() -> Mapping[str, AccountAdapter]:
    """The account adapters of this installation, by the name of their protocol."""
    modules = {name: import_module(f"{adapters.__name__}.{name}.mapping") for name in protocol_names()}
    reading = {name: module for name, module in modules.items() if hasattr(module, "accounts")}
    return {name: cast("AccountAdapter", module.accounts()) for name, module in reading.items()}


def protocol_names() -> tuple[str, ...]:
    """The names of the protocol folders."""
    packages = (each.name for each in pkgutil.iter_modules(adapters.__path__) if each.ispkg)
    return tuple(sorted(name for name in packages if find_spec(f"{adapters.__name__}.{name}.mapping")))


def load(package: str) -> Adapter:
    """The adapter of one protocol folder, given its package name."""
    return cast("Adapter", import_module(f"{package}.mapping").adapter())


def problems_of(name: str, declaration: Declaration) -> list[str]:
    """Every contradiction of a folder's declaration: the file, its field and a sentence."""
    problems = declaration_problems(declaration)
    if declaration.name != name:
        problems.append(f"name: must be that of its folder, not {declaration.name}")
    return [f"adapters/{name}/declaration.py: {problem}" for problem in problems]
