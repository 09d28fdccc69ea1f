"""From the name on a card to the fault that it stands for."""

import random
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial

from bench.chaos.stage import Stage
from bench.chaos.system import ROLES, System
from bench.faults.bank import Misbehave
from bench.faults.deck import Card, weather_seconds
from bench.faults.disk import DiskFull
from bench.faults.fault import SkippedFault, Stroke, until
from bench.faults.processes import EndRole, KillServer
from bench.faults.proxy import BadWeather, Weather
from bench.faults.redis import Flush, Rewind
from bench.load.api import Api
from bench.target import Target

Maker = Callable[[Card], Stroke]
_BACK_SECONDS_MAX = 60.0
SKEWS_SECONDS = (-600, -60, 0, 60, 600)


@dataclass(slots=True)
class RestartSystem:
    """SIGTERM to everything but the servers in the middle of everything; it comes back with other clocks."""

    system: System
    skew_seconds: int
    answers: Callable[[], Awaitable[bool]]
    kind: str = "restart system"

    async def strike(self) -> float:
        """Until it answers again."""
        await self.system.restart(self.skew_seconds)
        return await until(self.answers, _BACK_SECONDS_MAX)


class Arsenal:
    """Makes the strokes of one stage."""

    def __init__(self, stage: Stage, target: Target, api: Api, weather_seconds_max: float) -> None:
        self._stage = stage
        self._target = target
        self._api = api
        self._weather_seconds_max = weather_seconds_max
        self._makers = dict(self._stores()) | dict(self._processes()) | dict(self._weathers())

    def stroke(self, card: Card) -> Stroke:
        """The card's fault. Raises SkippedFault for a name that stands for none here."""
        maker = self._makers.get(card.name)
        return maker(card) if maker is not None else self._misbehave(card)

    def _processes(self) -> Iterator[tuple[str, Maker]]:
        stage = self._stage
        for role in ROLES:
            for how, number in (("kill", signal.SIGKILL), ("end", signal.SIGTERM)):
                yield f"{how} {role}", partial(_end_role, stage, role, number)
        yield "restart system", self._restart

    def _restart(self, card: Card) -> RestartSystem:
        return RestartSystem(self._stage.system, SKEWS_SECONDS[int(card.luck * len(SKEWS_SECONDS))], self._answers)

    async def _answers(self) -> bool:
        return (await self._api.call(self._target.feed, {})).status in self._target.feed.accepted

    def _stores(self) -> Iterator[tuple[str, Maker]]:
        stage = self._stage
        for server, answers in (("postgres", stage.postgres_answers), ("redis", stage.redis_answers)):
            killer = KillServer(server=server, servers_file=stage.servers_file, answers=answers)
            yield killer.kind, partial(_same, killer)
        for stroke in (Flush(url=stage.redis_url), Rewind(url=stage.redis_url), DiskFull(disk=stage.disk)):
            yield stroke.kind, partial(_same, stroke)

    def _weathers(self) -> Iterator[tuple[str, Maker]]:
        for server in self._stage.proxies:
            for weather in Weather:
                yield f"{server} {weather}", partial(self._bad_weather, server, weather)

    def _bad_weather(self, server: str, weather: Weather, card: Card) -> BadWeather:
        seconds = min(weather_seconds(card.luck), self._weather_seconds_max)
        return BadWeather(server=server, weather=weather, seconds=seconds, proxy=self._stage.proxies[server])

    def _misbehave(self, card: Card) -> Misbehave:
        faults, name = self._target.bank_faults, card.name.removeprefix("bank: ")
        if faults is None or name not in faults.bodies:
            raise SkippedFault(f"nothing here is called {card.name}")
        return Misbehave(name=name, faults=faults, api=self._api)


def _same(stroke: Stroke, _card: Card) -> Stroke:
    return stroke


def _end_role(stage: Stage, role: str, number: signal.Signals, card: Card) -> EndRole:
    return EndRole(role=role, signal=number, run_file=stage.run_file, dice=random.Random(card.luck))
