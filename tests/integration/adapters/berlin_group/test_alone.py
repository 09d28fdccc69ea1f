"""The simulated bank as a program of its own."""

import asyncio
import stat
import sys
from pathlib import Path

import aiohttp

from adapters.berlin_group.declaration import BERLIN_GROUP
from adapters.checks import setting_errors
from adapters.contract import BankSettings
from kernel.ids import Environment


async def told(keys: Path) -> BankSettings:
    """The settings that a new process prints, which are those that it shows."""
    arguments = ("-m", "adapters.berlin_group.simulator", "--keys", str(keys), "--implicit", "--decoupled")
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        settings = BankSettings.from_json(line)
        async with aiohttp.ClientSession() as session, session.get(f"{settings.base_url}/_settings") as shown:
            assert await shown.read() == settings.to_json()
    finally:
        process.terminate()
        assert await process.wait() == 0
    return settings


async def test_a_bank_that_starts_again_knows_its_clients(tmp_path: Path) -> None:
    """What it prints is what an admin enters; its keys stay in a file that only its owner reads."""
    keys = tmp_path / "keys"
    first, second = await told(keys), await told(keys)
    # As the admin API does it: keys are read, and the signing profiles are imported at the first check.
    assert await asyncio.to_thread(setting_errors, BERLIN_GROUP, first, Environment.TEST) == []
    assert first.options == second.options
    assert first.secrets["signing_key"].reveal() == second.secrets["signing_key"].reveal()
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
