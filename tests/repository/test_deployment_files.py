"""Dockerfile and compose.yaml call what exists, and carry nothing that production must not have."""

import re
import shlex
import tomllib
from functools import cache
from typing import Any

import pytest
import typer
import yaml

from config.settings import Settings
from tests.repository.source import ROOMS, ROOT
from threadneedle.cli import app

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETTING = re.compile(r"THREADNEEDLE_([A-Z_]+)__([A-Z_]+)")


@cache
def services() -> dict[str, dict[str, Any]]:
    """The services of compose.yaml, merged as compose merges them."""
    parsed: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return parsed


@cache
def ours() -> dict[str, dict[str, Any]]:
    """Those that are built from this repository."""
    return {name: service for name, service in services().items() if "build" in service}


@cache
def verbs() -> set[str]:
    """What the command line can do."""
    return set(typer.main.get_command(app).commands)  # type: ignore[attr-defined] # a group, as it has verbs


def instructions(name: str) -> list[str]:
    """The arguments of every such instruction of the Dockerfile, with continued lines joined."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name} (.+)$", joined, re.MULTILINE)


def test_every_role_is_started_by_a_verb_that_exists() -> None:
    """Each of our services, and the image by itself, runs one verb of the command line."""
    commands = [service["command"] for service in ours().values()] + [yaml.safe_load(instructions("CMD")[0])]
    assert commands
    assert all(len(command) == 1 and command[0] in verbs() for command in commands)


def test_the_four_parts_are_there() -> None:
    """The gateway, the dispatcher and the worker run apart, and only after the migration has succeeded."""
    assert set(ours()) == {"migrate", "gateway", "dispatcher", "worker"}
    for role in ("gateway", "dispatcher", "worker"):
        assert ours()[role]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_the_stores_are_as_the_design_wants_them() -> None:
    """Valkey evicts nothing and keeps nothing; PostgreSQL has checksums and a volume."""
    valkey, postgres = " ".join(services()["valkey"]["command"]), services()["postgres"]
    assert "--maxmemory-policy noeviction" in valkey
    assert "--save '' --appendonly no" in valkey
    assert "--data-checksums" in postgres["environment"]["POSTGRES_INITDB_ARGS"]
    assert postgres["volumes"]


@pytest.mark.parametrize("page", ["Dockerfile", "compose.yaml"])
def test_settings_that_are_set_exist(page: str) -> None:
    """A setting that a deployment file sets is one that the product reads."""
    for section, name in SETTING.findall((ROOT / page).read_text(encoding="utf-8")):
        model = Settings.model_fields[section.lower()].annotation
        assert model is not None
        assert name.lower() in model.model_fields


def test_the_image_copies_every_room_and_nothing_that_does_not_exist() -> None:
    """What the product imports is in the image."""
    sources = [shlex.split(line)[0] for line in instructions("COPY") if not line.startswith("--from")]
    assert set(ROOMS) <= set(sources)
    assert all((ROOT / source).exists() for source in sources)
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{source}" for source in sources} <= set(allowed)


def test_the_image_is_for_production() -> None:
    """Locked with hashes, without embedded servers, not as root."""
    assert any("--require-hashes" in line for line in instructions("RUN"))
    lock = (ROOT / "requirements/production.txt").read_text(encoding="utf-8")
    for requirement in PROJECT["project"]["optional-dependencies"]["embedded"]:
        assert not re.search(rf"^{re.split('[<>=]', requirement)[0]}==", lock, re.MULTILINE)
    assert instructions("USER")[-1] not in {"root", "0"}


def test_no_secret_stands_in_a_deployment_file() -> None:
    """Passwords and keys come from outside, and their absence is said."""
    for service in services().values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|KEYS$|_URL$", name) and "PUBLIC" not in name:
                assert ":?" in str(value), name


def test_each_role_is_asked_where_it_answers() -> None:
    """The health check of a role uses the port that its settings default to."""
    table = tomllib.loads((ROOT / "config/defaults.toml").read_text(encoding="utf-8"))
    for role in ("dispatcher", "worker"):
        assert ours()[role]["environment"]["READY_PORT"] == table["watch"][f"{role}_port"]
    assert f"READY_PORT={table['gateway']['port']}" in DOCKERFILE
