"""What runs where on this machine, written by `up` for `demo` and for tools that look from outside."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFile:
    """The content of `<state>/run.json`. It holds an admin token, so only its owner may read it."""

    gateway: str
    admin: str
    admin_token: str = field(repr=False)
    simulator: str
    uk_bank: str
    eu_bank: str
    watch: dict[str, str]
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    pids: dict[str, list[int]]

    def write(self, state: Path) -> None:
        """Replace the file in one step, so that a reader never sees half of it."""
        temporary = state / "run.json.new"
        descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file, indent=1)
        temporary.replace(state / "run.json")

    @staticmethod
    def remove(state: Path) -> None:
        """What it said is no longer so."""
        (state / "run.json").unlink(missing_ok=True)

    @classmethod
    def read(cls, state: Path) -> Self:
        """Raises FileNotFoundError where nothing was started."""
        return cls(**json.loads((state / "run.json").read_text(encoding="utf-8")))
