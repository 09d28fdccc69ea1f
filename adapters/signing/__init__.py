"""How requests to banks are signed and their answers verified: one module per profile, named by declarations.

A module `adapters/signing/<name>.py` with a function `profile() -> SigningProfile` is the profile of that name. There
is no list to edit.
"""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from adapters.signing.profile import Signable, SigningProfile

__all__ = ["Signable", "SigningProfile", "profiles"]


@cache
def profiles() -> Mapping[str, SigningProfile]:
    """Every profile of this installation by name."""
    modules = {each.name: import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__)}
    return {name: module.profile() for name, module in modules.items() if hasattr(module, "profile")}
