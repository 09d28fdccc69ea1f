"""A small disk under PostgreSQL's log, which can be filled: a tmpfs that is shrunk to what it holds."""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

from bench.faults.fault import SkippedFault

_SIZE = "3g"
_FULL_SECONDS = 4.0


class SmallDisk:
    """Mounted over a folder by root; else `why_not` says why there is none, and the fault is skipped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.why_not = "only root may mount a small disk"

    async def mount(self) -> None:
        """Mount it if that can be done here; what the folder holds moves onto it, so nobody may be using it."""
        aside, owner = self.folder.with_name(f"{self.folder.name}.aside"), self.folder.stat()
        options = f"size={_SIZE},mode=700,uid={owner.st_uid},gid={owner.st_gid}"
        self.folder.rename(aside)
        self.folder.mkdir(mode=0o700)
        os.chown(self.folder, owner.st_uid, owner.st_gid)
        mounted = await _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder))
        self.why_not = "" if mounted else "mounting is not permitted here"
        await _run("cp", "-a", f"{aside}/.", str(self.folder))

    async def fill(self) -> None:
        """Leave no room."""
        status = os.statvfs(self.folder)
        used = (status.f_blocks - status.f_bfree) * status.f_frsize
        await _run("mount", "-o", f"remount,size={used}", str(self.folder))

    async def empty(self) -> None:
        """Make room again."""
        await _run("mount", "-o", f"remount,size={_SIZE}", str(self.folder))

    async def unmount(self) -> None:
        """Give it back, with all that is on it, also where its mounting was broken off."""
        if self.folder.is_mount():
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
