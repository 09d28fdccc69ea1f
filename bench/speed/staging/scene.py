"""A stage with the partners that its figures use, each made when it is first asked for."""

from dataclasses import dataclass, field

from bench.load.scene import Lane
from bench.speed.figures.measuring import Effort
from bench.speed.reporting.results import Point, Results
from bench.speed.staging.party import Party
from bench.speed.staging.stage import Stage

_FAST = tuple(Lane(name=f"fast-{number}", behaviour="fast", weight=1) for number in range(49))
_HANGING = Lane(name="hang", behaviour="fast", weight=1)
_ORDERED = Lane(name="ordered", behaviour="fast", weight=1, ordered=True, pays=True)
_PAYING = tuple(Lane(name=f"paying-{number}", behaviour="fast", weight=1, pays=True) for number in range(16))


@dataclass(slots=True, kw_only=True)
class Scene:
    """What a figure is given."""

    stage: Stage
    effort: Effort
    transport: str
    results: Results
    _parties: dict[str, Party] = field(default_factory=dict)

    async def fast(self) -> Party:
        """49 merchants that answer at once."""
        return await self._party("fast", _FAST)

    async def secure(self) -> Party:
        """The same over TLS."""
        return await self._party("secure", _FAST, tls=True)

    async def with_a_hanging_one(self) -> Party:
        """The same and one, the last, that never answers."""
        return await self._party("hanging", (*_FAST, _HANGING))

    async def paying(self) -> Party:
        """Sixteen merchants that pay, and one, the last, whose endpoint is ordered."""
        return await self._party("paying", (*_PAYING, _ORDERED))

    @property
    def curve(self) -> list[Point]:
        """What was measured of this transport's curve so far."""
        return self.results.curves.get(self.transport, [])

    async def _party(self, name: str, lanes: tuple[Lane, ...], *, tls: bool = False) -> Party:
        if name not in self._parties:
            self._parties[name] = await self.stage.party(lanes, tls=tls)
        return self._parties[name]
