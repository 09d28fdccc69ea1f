"""On what a result was measured."""

import platform
import subprocess
from os import cpu_count


def commit() -> str:
    """The commit that is checked out, and whether something was changed since."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - git is on PATH
        check=False,
        capture_output=True,
        text=True,
    )
    return told.stdout.strip() or "unknown"


def machine() -> str:
    """Cores, system and interpreter."""
    return f"{cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
