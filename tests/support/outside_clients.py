"""Outside OAuth clients, npm's `oauth4webapi` and `openid-client`, as judges of a gateway (tests/support/judges)."""

import asyncio
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

LIBRARIES = ("oauth4webapi", "openid-client")
_HERE = Path(__file__).with_name("judges")
_INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")


def install(folder: Path) -> Path:
    """The judges with what their lock file names, in this folder. Skips the test where that cannot be had."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node.js is not here, so the outside OAuth clients cannot judge")
    for file in _HERE.iterdir():
        shutil.copy(file, folder)
    try:
        done = subprocess.run(_INSTALL, cwd=folder, capture_output=True, check=False, timeout=120)  # noqa: S603
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not answer in time, so the outside OAuth clients cannot judge")
    if done.returncode != 0:
        pytest.skip("npm cannot install the outside OAuth clients here")
    return folder


async def judge(folder: Path, server: Mapping[str, Any], cases: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What became of each case; judge.mjs says what cases and results are."""
    process = await asyncio.create_subprocess_exec(
        "node",
        str(folder / "judge.mjs"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate(orjson.dumps({"server": server, "cases": cases}))
    assert process.returncode == 0, errors.decode()
    results: list[dict[str, Any]] = orjson.loads(out)
    return results
