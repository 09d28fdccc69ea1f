"""The system under test as one thing that is started, kept up, restarted and ended."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.faults.processes import pids_of
from bench.process import NotStarted, Process
from bench.target import RunFile, Start, fill

ROLES = ("gateway", "dispatcher", "worker")
_UP_SECONDS_MAX = 60.0
_AGAIN_SECONDS = 1.0


class System:
    """At most one runs, whoever starts, ends and restarts it at the same time; until it is ended it is kept up."""

    def __init__(
        self, start: Start, folder: Path, ports: Mapping[str, int], stores: Callable[[], Mapping[str, str]]
    ) -> None:
        """`stores` gives the environment that says where the servers listen, asked at each start."""
        self._start_part = start
        self._values = {"state": str(folder / "system"), **ports}
        self._log = folder / "system.log"
        self._stores = stores
        self.run_file = RunFile(folder / "system" / start.run_file)
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.restarts = 0

    async def start(self, skew_seconds: int) -> None:
        """Start the roles, their clocks off by so much, and keep them up as an init system would. Raises NotStarted."""
        async with self._turn:
            await self._start(skew_seconds)

    async def end(self) -> None:
        """SIGTERM to the supervisor of the roles, in the middle of everything."""
        async with self._turn:
            await self._end()

    async def restart(self, skew_seconds: int) -> None:
        """End it and start it with other clocks; a second restart meanwhile waits for its turn. Raises NotStarted."""
        async with self._turn:
            await self._end()
            await self._start(skew_seconds)

    async def _start(self, skew_seconds: int) -> None:
        start = self._start_part
        environment = {name: str(fill(text, self._values)) for name, text in start.environment.items()}
        environment |= {**self._stores(), start.clock_skew_variable: str(skew_seconds)}
        self._process = Process(fill(start.system, self._values), self._log, environment)
        await self._launch(self._process)
        self._keeper = asyncio.create_task(self._keep(self._process))

    async def _end(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._process is not None:
            await self._process.stop()

    async def _launch(self, process: Process) -> None:
        """Start it, again if a store is away just then. Raises NotStarted."""
        deadline = time.monotonic() + _UP_SECONDS_MAX
        while True:
            self.run_file.path.unlink(missing_ok=True)
            await process.start()
            try:
                await process.ready(lambda: all(pids_of(self.run_file, role) for role in ROLES), _UP_SECONDS_MAX)
            except NotStarted:
                await process.stop()
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return

    async def _keep(self, process: Process) -> None:
        while True:
            await process.ended()
            self.restarts += 1
            await self._launch(process)
