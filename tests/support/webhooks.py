"""A partner with endpoints and events, and everything between a committed event and a merchant that a test plays."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from prometheus_client import CollectorRegistry

from kernel.batcher import BatchPolicy, BatchWriter
from kernel.clock import CorrectedClock
from kernel.ids import Environment, Tenant, new_id
from kernel.sealing import Vault
from kernel.tasks import end
from webhooks.dispatch.attempting import Attempter, Sender
from webhooks.dispatch.dispatcher import Dispatcher, Stages
from webhooks.dispatch.ending import Recorder
from webhooks.dispatch.loading import Loader
from webhooks.dispatch.metrics import AttemptNotes, DispatchMetrics
from webhooks.dispatch.outcome import Outcome
from webhooks.dispatch.policy import DispatchPolicy
from webhooks.dispatch.recording import Recorded, RecordWork
from webhooks.endpoints.model import Caller
from webhooks.endpoints.requests import EndpointDraft, EndpointRules
from webhooks.endpoints.service import Endpoints
from webhooks.events.matching import Matcher
from webhooks.events.model import NewEvent
from webhooks.events.writer import EventWriter
from webhooks.health.model import HealthPolicy
from webhooks.queue.enqueuer import EnqueuerMetrics, EnqueuerPolicy, QueueEnqueuer
from webhooks.queue.port import Job, Queue, QueuePolicy
from webhooks.sending.model import AttemptResult, Cause, Decision, LoadedDelivery, Timings, Verdict

TENANT = Tenant(UUID("01890000-0000-7000-8000-00000000000a"), Environment.TEST)
DELIVERED = Verdict(decision=Decision.DELIVERED)
# Short enough for a test to see leases end, and still in the order that the dispatcher wants.
FAST = DispatchPolicy(
    load_seconds=0.5, send_seconds=0.2, commit_seconds=0.3, tick_seconds=0.05, idle_seconds=0.2, backoff_seconds_max=0.2
)
FAST_QUEUE = QueuePolicy(lease_seconds=1)
_DEADLINE_SECONDS = 20


class FakeSender:
    """Notes what is sent and answers as told: 204 at once, unless `answer` says otherwise."""

    def __init__(self) -> None:
        self.sent: list[LoadedDelivery] = []
        self.verdicts: dict[UUID, Verdict] = {}
        self.hanging: set[UUID] = set()

    async def send(self, delivery: LoadedDelivery) -> AttemptResult:
        self.sent.append(delivery)
        if delivery.endpoint_id in self.hanging:
            await asyncio.Event().wait()
        verdict = self.verdicts.get(delivery.endpoint_id, DELIVERED)
        return result_of(verdict)

    def events(self) -> set[UUID]:
        return {delivery.event_id for delivery in self.sent}

    def causes(self, event_id: UUID) -> list[Cause]:
        return [delivery.cause for delivery in self.sent if delivery.event_id == event_id]


def result_of(verdict: Verdict) -> AttemptResult:
    """An attempt that ended so."""
    status = 204 if verdict.decision is Decision.DELIVERED else 500
    return AttemptResult(
        started_at=datetime.now(UTC),
        status_code=status,
        error_class=None,
        timings=Timings(total_us=1_000),
        exchange=b"{}",
        verdict=verdict,
    )


@dataclass(kw_only=True)
class World:
    """One partner in one environment, on a test's database and queue."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    queue: Queue
    vault: Vault
    clock: CorrectedClock = field(default_factory=CorrectedClock)
    sender: FakeSender = field(default_factory=FakeSender)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    health: HealthPolicy = field(default_factory=HealthPolicy)

    def __post_init__(self) -> None:
        self.matcher = Matcher(self.vault)
        self.writer = EventWriter(self.vault, self.matcher)
        self.endpoints = Endpoints(self.pool, self.vault, self.clock, EndpointRules())
        self.enqueuer = QueueEnqueuer(
            self.queue, EnqueuerMetrics.registered(self.registry), EnqueuerPolicy(wait_seconds=5)
        )
        self.metrics = DispatchMetrics.registered(self.registry)

    async def endpoint(self, **draft: object) -> UUID:
        """A new endpoint of the partner."""
        given = EndpointDraft(url="https://merchant.example/hooks", **draft)  # type: ignore[arg-type]
        return (await self.endpoints.create(Caller(tenant=TENANT, actor="test", request_id="r"), given)).endpoint.id

    async def publish(self, count: int = 1, *, ordering_key: UUID | None = None, offer: bool = True) -> list[UUID]:
        """Commit events for every endpoint; without `offer` as if the process had died right after the commit."""
        now = self.clock.now()
        events = [
            NewEvent(
                tenant=TENANT,
                id=new_id(now),
                type="payment.settled",
                merchant_id=None,
                occurred_at=now,
                data={"number": number},
                ordering_key=ordering_key,
            )
            for number in range(count)
        ]
        async with self.pool.acquire() as connection, connection.transaction():
            written = await self.writer.write(connection, events)
        if offer:
            await self.enqueuer.offer(jobs_of(written))
        return [event.id for event in events]

    async def pending(self) -> int:
        """How many deliveries have not ended."""
        statement = "SELECT count(*) FROM deliveries WHERE state IN ('pending', 'waiting')"
        return int(await self.pool.fetchval(statement))

    async def states(self) -> dict[UUID, tuple[str, str | None]]:
        """State and reason of each event's deliveries; one endpoint assumed."""
        rows = await self.pool.fetch("SELECT event_id, state::text, state_reason FROM deliveries")
        return {row["event_id"]: (row["state"], row["state_reason"]) for row in rows}

    async def attempts(self) -> list[asyncpg.Record]:
        """Every attempt, oldest first."""
        return await self.pool.fetch("SELECT *, cause::text AS why FROM delivery_attempts ORDER BY started_at, id")

    @property
    def notes(self) -> AttemptNotes:
        """Attempts are counted, and no line is written for them."""
        return AttemptNotes(self.metrics, _say_nothing)

    @asynccontextmanager
    async def results(self) -> "AsyncIterator[BatchWriter[Outcome, Recorded]]":
        """The group commit of results."""
        yield BatchWriter(
            self.pool,
            RecordWork(self.writer, self.enqueuer, self.queue, self.clock, self.health),
            BatchPolicy(retry_seconds_max=0.2, linger_seconds_min=0, linger_seconds_max=0),
        )

    def dispatcher(
        self, results: "BatchWriter[Outcome, Recorded]", policy: DispatchPolicy = FAST, sender: Sender | None = None
    ) -> Dispatcher:
        """A dispatcher on this world's queue."""
        stages = Stages(
            queue=self.queue,
            loader=Loader(self.pool, self.vault, self.clock, policy),
            attempter=Attempter(sender or self.sender, self.vault, self.clock, policy, self.notes),
            recorder=Recorder(results, self.clock, policy.commit_seconds),
        )
        return Dispatcher(stages, policy, self.metrics, FAST_QUEUE)

    @asynccontextmanager
    async def dispatching(self, policy: DispatchPolicy = FAST) -> AsyncIterator[Dispatcher]:
        """A running dispatcher, stopped at the end as SIGTERM would, or killed if it does not stop."""
        async with self.results() as results:
            dispatcher = self.dispatcher(results, policy)
            running = asyncio.create_task(dispatcher.run())
            try:
                yield dispatcher
            finally:
                dispatcher.stop()
                await asyncio.wait((running,), timeout=1)
                await kill(running)


def _say_nothing(_event: str, _fields: Mapping[str, object]) -> None:
    """A line that nobody reads."""


def jobs_of(written: Sequence[object]) -> list[Job]:
    """The jobs of written events."""
    return [job for item in written for job in item.jobs]  # type: ignore[attr-defined]


async def kill(task: "asyncio.Task[None]") -> None:
    """End a task where it stands."""
    await end(task, again_seconds=1)


async def until(holds: Callable[[], object]) -> None:
    """Wait until a condition, plain or asynchronous, holds."""
    async with asyncio.timeout(_DEADLINE_SECONDS):
        while True:
            answer = holds()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return
            await asyncio.sleep(0.01)
