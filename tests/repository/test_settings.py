"""Every setting stands in defaults.toml, with a comment, and nothing stands there that is not a setting."""

import re
import tomllib
from typing import Any

from pydantic import BaseModel

from config.settings import Settings
from tests.repository.source import ROOT, tracked_files

DEFAULTS = ROOT / "config/defaults.toml"


def names_of_model(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Dotted names of all settings of a model."""
    names: set[str] = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            names |= names_of_model(inner, f"{prefix}{name}.")
        else:
            names.add(prefix + name)
    return names


def names_of_table(table: dict[str, Any], model: type[BaseModel], prefix: str = "") -> set[str]:
    """Dotted names of all settings of a file, as deep as the model goes."""
    names: set[str] = set()
    for name, value in table.items():
        field = model.model_fields.get(name)
        inner = field.annotation if field else None
        if isinstance(value, dict) and isinstance(inner, type) and issubclass(inner, BaseModel):
            names |= names_of_table(value, inner, f"{prefix}{name}.")
        else:
            names.add(prefix + name)
    return names


def test_defaults_and_settings_agree() -> None:
    """The file and the types name the same settings."""
    table = tomllib.loads(DEFAULTS.read_text(encoding="utf-8"))
    assert names_of_table(table, Settings) == names_of_model(Settings)


def test_every_default_is_explained() -> None:
    """Each setting has a comment beside or above it."""
    lines = DEFAULTS.read_text(encoding="utf-8").splitlines()
    bare = [
        line
        for above, line in zip(["", *lines], lines, strict=False)
        if "=" in line.split("#")[0] and line[:1].isalpha() and "#" not in line and not above.startswith("#")
    ]
    assert not bare


def test_every_setting_is_used() -> None:
    """What a setting promises, some composition root does."""
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in tracked_files()
        if path.suffix == ".py"
        and path.is_relative_to(ROOT)
        and path.relative_to(ROOT).parts[0] in {"config", "threadneedle"}
        and "sections" not in path.parts
    )
    # These sections are handed over whole.
    whole = ("batches.", "limits.tiers.")
    unused = [
        name
        for name in names_of_model(Settings)
        if not name.startswith(whole) and not re.search(rf"\.{name.split('.')[-1]}\b", code)
    ]
    assert not unused
