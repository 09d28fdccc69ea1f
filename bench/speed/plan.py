"""Which figures are measured, on which stages, in which order."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.speed.figures.events import accepting, delivering, draining, everysec, steady
from bench.speed.figures.fairness import hanging, rushing
from bench.speed.figures.payments import bank, ordered
from bench.speed.figures.system import limiter, queueing, resting, scaling
from bench.speed.reporting.results import Figure
from bench.speed.staging.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One step of the run."""

    name: str
    work: Callable[[Scene], Awaitable[Sequence[Figure]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """A system started with this environment, and what is measured on it."""

    transport: str
    environment: Mapping[str, str] = field(default_factory=dict)
    measures: tuple[Measure, ...]


async def _resting(on: Scene) -> Sequence[Figure]:
    return [*await resting.at_rest(on.stage), *await resting.starting(on.stage, on.effort)]


async def _accepting(on: Scene) -> Sequence[Figure]:
    return await accepting.singly(on.stage, await on.fast(), on.effort)


async def _batches(on: Scene) -> Sequence[Figure]:
    return await accepting.in_batches(on.stage, await on.fast(), on.effort)


async def _delivering(on: Scene) -> Sequence[Figure]:
    return await delivering.delivered(on.stage, await on.fast(), on.effort, on.transport)


async def _delivering_securely(on: Scene) -> Sequence[Figure]:
    return await delivering.delivered(on.stage, await on.secure(), on.effort, on.transport)


async def _steady(on: Scene) -> Sequence[Figure]:
    party = await on.fast()
    on.results.curves[on.transport] = await steady.curve(on.stage, party)
    return await steady.sustained(on.stage, party, on.effort, on.transport, on.curve)


async def _everysec(on: Scene) -> Sequence[Figure]:
    return await everysec.with_everysec(on.stage, await on.fast(), on.effort)


async def _draining(on: Scene) -> Sequence[Figure]:
    return await draining.worked_off(on.stage, await on.fast(), on.effort)


async def _hanging(on: Scene) -> Sequence[Figure]:
    party = await on.with_a_hanging_one()
    return await hanging.beside_a_hanging_one(on.stage, party, party.lanes[-1], on.effort)


async def _rushing(on: Scene) -> Sequence[Figure]:
    return await rushing.beside_a_rush(on.stage, await on.fast(), on.effort)


async def _limiter(on: Scene) -> Sequence[Figure]:
    return await limiter.limiting(on.stage, await on.fast(), on.effort)


async def _scaling(on: Scene) -> Sequence[Figure]:
    return await scaling.more_processes(on.stage, await on.fast(), on.effort)


async def _payments(on: Scene) -> Sequence[Figure]:
    party = await on.paying()
    return await bank.beside_the_bank(on.stage, party, party.lanes[:-1], on.effort)


async def _ordered(on: Scene) -> Sequence[Figure]:
    party = await on.paying()
    plain, in_order = party.lanes[0], party.lanes[-1]
    one = await ordered.onto_an_ordered_endpoint(on.stage, party, (plain, in_order), on.effort)
    async with on.stage.more("gateway", 3):
        return [*one, *await ordered.onto_an_ordered_endpoint(on.stage, party, (plain, in_order), on.effort)]


async def _queue(on: Scene) -> Sequence[Figure]:
    return await queueing.cycle(on.stage)


PLANS = (
    StagePlan(
        transport="lean",
        environment={"THREADNEEDLE_WEBHOOKS__TRANSPORT": "lean"},
        measures=(
            Measure(name="rest", work=_resting),
            Measure(name="payments", work=_payments),
            Measure(name="accepting", work=_accepting),
            Measure(name="batches", work=_batches),
            Measure(name="limiter", work=_limiter),
            Measure(name="delivering", work=_delivering),
            Measure(name="delivering over TLS", work=_delivering_securely),
            Measure(name="steady", work=_steady),
            Measure(name="hanging", work=_hanging),
            Measure(name="rushing", work=_rushing),
            Measure(name="ordered", work=_ordered),
            Measure(name="scaling", work=_scaling),
            Measure(name="everysec", work=_everysec),
            Measure(name="draining", work=_draining),
            Measure(name="queue", work=_queue),
        ),
    ),
    StagePlan(
        transport="aiohttp",
        environment={"THREADNEEDLE_WEBHOOKS__TRANSPORT": "aiohttp"},
        measures=(
            Measure(name="delivering", work=_delivering),
            Measure(name="delivering over TLS", work=_delivering_securely),
            Measure(name="steady", work=_steady),
        ),
    ),
)
