"""Plays the cards of a seed: each strikes at its time, or a little later where its victim is just away."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from bench.checker.finding import Finding
from bench.faults.deck import Card, least_strikes
from bench.faults.fault import NoVictim, SkippedFault, Stroke
from bench.lines import Lines

_AGAIN_SECONDS = (3.0, 12.0)
_LATE_SECONDS_MAX = 60.0


class Striking:
    """One seed's faults, one line of the log for each."""

    def __init__(
        self,
        stroke: Callable[[Card], Stroke],
        log: Lines,
        say: Callable[[str], object],
        again_seconds: tuple[float, float] = _AGAIN_SECONDS,
    ) -> None:
        """`again_seconds`: from and to how long after a stroke without a victim its card is dealt again."""
        self._again_seconds = again_seconds
        self._stroke = stroke
        self._log = log
        self._say = say
        self._struck: Counter[str] = Counter()

    async def play(self, cards: Sequence[Card], late_seconds_max: float = _LATE_SECONDS_MAX) -> None:
        """Until all have struck or been skipped, at most so long after the last card's time.

        Raises what the first fault that broke raised, e.g. NotStarted.
        """
        if not cards:
            return
        latest = time.monotonic() + max(card.at_seconds for card in cards) + late_seconds_max
        try:
            async with asyncio.TaskGroup() as group:
                for card in cards:
                    group.create_task(self._play(card, latest))
        except ExceptionGroup as broken:
            raise broken.exceptions[0] from broken

    def missing(self, seconds: float) -> Iterator[Finding]:
        """For each kind that a run of this length promises: how many more should have struck."""
        for name, least in least_strikes(seconds).items():
            yield Finding(name=f"too few: {name}", count=max(0, least - self._struck[name]), gate=True)

    async def _play(self, card: Card, latest: float) -> None:
        """A process that is just being started again cannot be killed: the card is dealt again when it may be back."""
        await asyncio.sleep(card.at_seconds)
        dice = random.Random(card.luck)
        while True:
            pause = dice.uniform(*self._again_seconds)
            try:
                return await self._strike(card)
            except NoVictim as reason:
                if time.monotonic() + pause > latest:
                    return self._skipped(card, reason)
            except SkippedFault as reason:
                return self._skipped(card, reason)
            await asyncio.sleep(pause)

    async def _strike(self, card: Card) -> None:
        began = time.monotonic()
        self._say(f"fault: {card.name}")
        ended = await self._stroke(card).strike()
        self._struck[card.name] += 1
        self._log.write(kind=card.name, began=began, ended=ended, skipped="")

    def _skipped(self, card: Card, reason: SkippedFault) -> None:
        now = time.monotonic()
        self._say(f"skipped: {card.name}: {reason}")
        self._log.write(kind=card.name, began=now, ended=now, skipped=str(reason))
