"""What the repository's rules look at: its own source files, parsed once."""

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("threadneedle", "gateway", "payments", "accounts", "adapters", "webhooks", "kernel", "config")
PACKAGES = (*ROOMS, "bench")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One Python file of the product."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Its path from the root, for messages."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def room(self) -> str:
        """The top-level package."""
        return self.path.relative_to(ROOT).parts[0]


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that belongs to the repository; untracked ones count until git ignores them."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git is on PATH
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if listing.returncode == 0:
        return tuple(ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file())
    ignored = {".venv", "var", ".git", "__pycache__"}
    return tuple(path for path in ROOT.rglob("*") if path.is_file() and not ignored & set(path.parts))


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the product's packages."""
    paths = (path for path in tracked_files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES)
    return tuple(_module(path) for path in sorted(paths))


def _module(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(path=path, text=text, tree=ast.parse(text))
