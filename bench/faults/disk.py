"""A small disk of its own for the servers, which can be filled: a tmpfs that is shrunk to what it holds."""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

from bench.faults.fault import SkippedFault

_SIZE = "3g"
_FULL_SECONDS = 4.0


class SmallDisk:
    """Mounted over a folder. Only root may; for others `why_not` says so and the fault is skipped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.why_not = "not mounted"

    async def mount(self) -> None:
        """Mount it if that can be done here."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != 0:
            self.why_not = "only root may mount a small disk"
        elif await _run("mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=755", "tmpfs", str(self.folder)):
            self.why_not = ""
        else:
            self.why_not = "mounting is not permitted here"

    async def fill(self) -> None:
        """Leave no room."""
        status = os.statvfs(self.folder)
        used = (status.f_blocks - status.f_bfree) * status.f_frsize
        await _run("mount", "-o", f"remount,size={used}", str(self.folder))

    async def empty(self) -> None:
        """Make room again."""
        await _run("mount", "-o", f"remount,size={_SIZE}", str(self.folder))

    async def unmount(self) -> None:
        """Give it back, with all that is on it."""
        if not self.why_not:
            await _run("umount", "--lazy", str(self.folder))


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFull:
    """No room under PostgreSQL for a few seconds."""

    disk: SmallDisk
    kind: str = "disk full under postgres"

    async def strike(self) -> float:
        """Until there is room again."""
        if self.disk.why_not:
            raise SkippedFault(self.disk.why_not)
        await self.disk.fill()
        try:
            await asyncio.sleep(_FULL_SECONDS)
        finally:
            await self.disk.empty()
        return time.monotonic()


async def _run(*command: str) -> bool:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait() == 0
