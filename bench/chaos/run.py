"""One seed: start, register, load, break, wait, ask, check."""

import asyncio
import random
import time
from collections.abc import Sequence

import aiohttp
import orjson

from bench.chaos.arsenal import SKEWS_SECONDS, Arsenal
from bench.chaos.options import Options
from bench.chaos.stage import Stage
from bench.chaos.striking import Striking
from bench.checker.check import chains_promised, check
from bench.checker.finding import Finding
from bench.checker.history import History
from bench.faults.deck import deal
from bench.lines import Lines, read_lines
from bench.load.api import Api, NotAnswered
from bench.load.collect import collect
from bench.load.register import register, told_to_receivers
from bench.load.scene import LANES
from bench.process import Process
from bench.target import Target

_QUIET_SECONDS = 12.0
_WEATHER_SHARE = 1 / 6
_LAST_ANSWERS_SECONDS = 90.0
_TELL_SECONDS = 5.0
_ASK_AGAIN_SECONDS = 3.0


class SeedRun:
    """One seed on its stage."""

    def __init__(self, options: Options, target: Target, seed: int, stage: Stage) -> None:
        self._options = options
        self._target = target
        self._seed = seed
        self._stage = stage
        self._log = Lines(stage.folder / "faults.jsonl")
        self._started = time.monotonic()

    async def play(self) -> list[Finding]:
        """The findings. Raises NotStarted or NotAnswered where it could not even begin."""
        skew = random.Random(f"skew {self._seed}").choice(SKEWS_SECONDS) if self._options.faults else 0
        await self._stage.raise_curtain(skew)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
            api = Api(self._target, self._stage, session)
            await self._register(api, session)
            load = await self._stage.load()
            missing = await self._break(api, load)
            return [*await self._settle(api), *missing]

    def say(self, words: str) -> None:
        """A line of progress."""
        print(f"[seed {self._seed} · {time.monotonic() - self._started:5.1f} s] {words}", flush=True)

    async def _register(self, api: Api, session: aiohttp.ClientSession) -> None:
        receivers = await self._stage.receivers()
        values = {"run": f"{self._seed}", **self._stage.run_file.read(), **self._stage.bank}
        scene = await register(api, self._target, LANES, values, receivers)
        scene.write(self._stage.folder / "scene.json")
        async with session.put(f"{receivers}/lanes", data=orjson.dumps(told_to_receivers(scene))) as reply:
            reply.raise_for_status()
        self.say(f"{len(scene.lanes)} lanes are registered; the load begins")

    async def _break(self, api: Api, load: Process) -> list[Finding]:
        """Strike while the load goes on, and let it go on for a while after the last fault: only so recovery shows.

        Gives what should have struck more often.
        """
        bank_faults = sorted(self._target.bank_faults.bodies) if self._target.bank_faults else []
        cards = deal(self._seed, self._options.seconds - _QUIET_SECONDS, bank_faults) if self._options.faults else []
        arsenal = Arsenal(self._stage, self._target, api, self._options.seconds * _WEATHER_SHARE)
        striking = Striking(arsenal.stroke, self._log, self.say)
        began = time.monotonic()
        telling = asyncio.create_task(self._tell(load))
        try:
            await striking.play(cards)
            await asyncio.sleep(max(_QUIET_SECONDS, began + self._options.seconds - time.monotonic()))
            await load.stop(_LAST_ANSWERS_SECONDS)
        finally:
            telling.cancel()
        return list(striking.missing(self._options.seconds)) if self._options.faults else []

    async def _tell(self, load: Process) -> None:
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            said = load.last_words().strip().rpartition("\n")[2]
            self.say(said or "the load is starting")

    async def _settle(self, api: Api) -> list[Finding]:
        """Ask and check until all is well or the time is over."""
        deadline = time.monotonic() + self._options.settle_seconds
        while True:
            found = await self._ask_and_check(api)
            open_ = [finding.name for finding in found if not finding.held]
            if not open_ or time.monotonic() > deadline:
                return found
            self.say(f"waiting for: {', '.join(open_)}")
            await asyncio.sleep(_ASK_AGAIN_SECONDS)

    async def _ask_and_check(self, api: Api) -> list[Finding]:
        folder, promised = self._stage.folder, chains_promised(self._target)
        try:
            history = History.read(folder, chains_promised=promised)
            ids = {ask.key: min(ask.ids) for ask in history.payments}
            final = await collect(api, self._target, ids)
        except NotAnswered as error:
            return [Finding(name="the system does not answer", count=1, gate=True, examples=(str(error),))]
        final["references"] = {line["theirs"]: line["ours"] for line in read_lines(folder / "orders.jsonl")}
        final["memory_bytes"] = self._stage.memory_bytes()
        (folder / "final.json").write_bytes(orjson.dumps(final))
        restarts = Finding(name="the system's supervisor ended by itself", count=self._stage.system.restarts)
        history = History.read(folder, chains_promised=promised)
        found = check(history, self._target, self._options.recovery_seconds_max)
        return [*found, restarts]


def failed(findings: Sequence[Finding]) -> bool:
    """Whether anything is not as it must be."""
    return not all(finding.held for finding in findings)
