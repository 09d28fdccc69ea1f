"""Settings from defaults.toml, a file and the environment, refused all at once where they are wrong."""

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.settings import Settings

PREFIX = "THREADNEEDLE_"
CONFIG_VARIABLE = "THREADNEEDLE_CONFIG"
_DEFAULTS = Path(__file__).with_name("defaults.toml")
_SHORT_NAMES = {"DATABASE_URL": ("database", "url"), "REDIS_URL": ("redis", "queue_url")}
_REQUIRED = ("database.url", "redis.queue_url")
_HOW_TO_SET = {"database.url": "DATABASE_URL", "redis.queue_url": "REDIS_URL"}
_OPENS_TOML = ("[", "{", '"', "'")


class SettingsError(Exception):
    """The settings are wrong; one line for each, which names the setting and repeats no value."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def load_settings(environment: Mapping[str, str] | None = None, required: Iterable[str] = _REQUIRED) -> Settings:
    """All settings. Raises SettingsError with everything that is wrong with them."""
    environment = os.environ if environment is None else environment
    table = tomllib.loads(_DEFAULTS.read_text(encoding="utf-8"))
    problems: list[str] = []
    _merge(table, _from_file(environment.get(CONFIG_VARIABLE), problems))
    _merge(table, _from_environment(environment, problems))
    problems += [f"{name}: is required; set {_HOW_TO_SET[name]}" for name in required if not _value(table, name)]
    try:
        settings = Settings.model_validate(table)
    except ValidationError as error:
        raise SettingsError([*problems, *_words(error)]) from None
    if problems:
        raise SettingsError(problems)
    return settings


def _from_file(path: str | None, problems: list[str]) -> dict[str, Any]:
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(f"{CONFIG_VARIABLE}: the file cannot be read ({error.strerror})")
    except ValueError:
        problems.append(f"{CONFIG_VARIABLE}: the file is not TOML")
    return {}


def _from_environment(environment: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for variable, short in _SHORT_NAMES.items():
        if environment.get(variable):
            _put(table, short, environment[variable])
    for variable in sorted(environment):
        if not variable.startswith(PREFIX):
            continue
        path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        if len(path) > 1:
            _put(table, path, _parsed(variable, environment[variable], problems))
        elif (section := path[0].split("_")[0]) in Settings.model_fields and section != path[0]:
            problems.append(f"{variable}: is not a setting; two underscores follow a section's name")
    return table


def _parsed(variable: str, text: str, problems: list[str]) -> Any:
    """Lists and tables as TOML; all else stays text, which the types read."""
    if not text.startswith(_OPENS_TOML):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        problems.append(f"{variable}: is not a TOML value")
        return text


def _put(table: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        inner = table.setdefault(name, {})
        table = inner if isinstance(inner, dict) else {}
    table[path[-1]] = value


def _merge(table: dict[str, Any], over: Mapping[str, Any]) -> None:
    for name, value in over.items():
        held = table.get(name)
        if isinstance(held, dict) and isinstance(value, dict):
            _merge(held, value)
        else:
            table[name] = value


def _value(table: Mapping[str, Any], dotted: str) -> Any:
    value: Any = table
    for name in dotted.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _words(error: ValidationError) -> list[str]:
    lines = []
    for fault in error.errors(include_url=False, include_input=False):
        name = ".".join(str(part) for part in fault["loc"])
        message = (
            "is not a setting" if fault["type"] == "extra_forbidden" else fault["msg"].removeprefix("Value error, ")
        )
        lines.append(f"{name}: {message}" if name else message)
    return lines
