"""Every order of the steps between a committed event and its end, with a death between any two of them.

The real Lua and the real statements do the work; the model is two sets and a list. What must hold at every moment: no
POST of a delivery whose end is committed, none to a disabled endpoint, no follower before its predecessor ended. What
must hold in the end: every delivery ended, as often as was said; each committed attempt is on record.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from redis.asyncio import Redis

from tests.support.webhooks import TENANT, World, result_of
from webhooks.dispatch.attempting import Attempter
from webhooks.dispatch.loading import Loader
from webhooks.dispatch.outcome import Effect, Outcome
from webhooks.dispatch.policy import RetryPolicy
from webhooks.dispatch.recording import Recorded, RecordWork
from webhooks.endpoints.model import Caller
from webhooks.endpoints.requests import EndpointPatch
from webhooks.queue.port import Claim, EpochLost, Finish
from webhooks.reconciler.reconciler import Reconciler
from webhooks.sending.model import AttemptResult, Decision, LoadedDelivery, Verdict
from webhooks.sending.schedule import Schedule
from webhooks.states import DeliveryState, EndpointState

LEASE_SECONDS = 0.15
_ROUNDS_MAX = 60
_IMMEDIATELY = RetryPolicy(schedule=Schedule(delays_seconds=(0,) * 50, jitter_share=0))
_Value = TypeVar("_Value")


class Stage:
    """The real parts, and the sender whose next answer the test decides."""

    def __init__(self, world: World, reconciler: Reconciler, redis: Redis, runner: asyncio.Runner) -> None:
        self.world = world
        self.reconciler = reconciler
        self.redis = redis
        self.runner = runner
        self.answer = Decision.DELIVERED
        self.posts: list[LoadedDelivery] = []
        self.loader = Loader(world.pool, world.vault, world.clock, 5)
        self.attempter = Attempter(self, world.vault, world.clock, _IMMEDIATELY, world.metrics)
        self.work = RecordWork(world.writer, world.enqueuer, world.clock)

    async def send(self, delivery: LoadedDelivery) -> AttemptResult:
        """The merchant."""
        self.posts.append(delivery)
        return result_of(Verdict(decision=self.answer))

    def do(self, work: Coroutine[Any, Any, _Value]) -> _Value:
        """One step, to its end."""
        return self.runner.run(work)

    async def reset(self) -> None:
        """An empty database and an empty queue."""
        await self.world.pool.execute(
            "TRUNCATE deliveries, events, delivery_attempts, event_keys, webhook_endpoints, endpoint_secrets"
        )
        await self.forget()
        self.posts.clear()
        await self.reconcile()

    async def forget(self) -> None:
        """FLUSHALL."""
        await self.redis.flushall()

    async def set_state(self, endpoint_id: UUID, state: EndpointState) -> None:
        """What the endpoint's owner wants."""
        caller = Caller(tenant=TENANT, actor="test", request_id="r")
        await self.world.endpoints.patch(caller, endpoint_id, EndpointPatch(state=state))

    async def is_enabled(self, endpoint_id: UUID) -> bool:
        """As it stands."""
        return (await self.world.endpoints.get(TENANT, endpoint_id)).state is EndpointState.ENABLED

    async def event_of(self, delivery_id: UUID) -> UUID:
        """The event that a delivery carries."""
        found: UUID = await self.world.pool.fetchval("SELECT event_id FROM deliveries WHERE id = $1", delivery_id)
        return found

    async def reconcile(self) -> None:
        """A reconciler that has just started walks at once."""
        self.reconciler._walk_at = 0.0
        await self.reconciler.run_once()


class QueueMachine(RuleBasedStateMachine):
    """`stage` is set by the test before it starts."""

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.claims: list[Claim] = []
        self.outcomes: list[Outcome] = []
        self.finishes: list[Finish] = []
        self.ended: dict[UUID, str] = {}
        self.lines: defaultdict[UUID, list[UUID]] = defaultdict(list)
        self.recorded: Counter[UUID] = Counter()
        self.published: list[UUID] = []
        self.keys = [uuid4(), uuid4()]
        self.is_enabled = True
        self.endpoint = self.stage.do(self._begin())

    async def _begin(self) -> UUID:
        await self.stage.reset()
        return await self.stage.world.endpoint(ordered=True)

    @rule(offered=st.booleans(), line=st.sampled_from([None, 0, 1]), count=st.integers(1, 3))
    def publish(self, *, offered: bool, line: int | None, count: int) -> None:
        """Events are committed; without an offer their process died right after. A disabled endpoint misses them."""
        key = None if line is None else self.keys[line]
        for _ in range(count):
            events = self.stage.do(self.stage.world.publish(1, ordering_key=key, offer=offered))
            self.published += events if self.is_enabled else []
            if key is not None and self.is_enabled:
                self.lines[key].append(self.published[-1])

    @rule(limit=st.integers(1, 5))
    def claim(self, limit: int) -> None:
        """A dispatcher claims."""
        self.claims += self.stage.do(self._quietly(self.stage.world.queue.claim(limit), []))

    @rule(answer=st.sampled_from(Decision))
    def send(self, answer: Decision) -> None:
        """It loads what it claimed, drops what moved on, and sends the rest."""
        if self.claims:
            claims, self.claims = self.claims, []
            self.stage.answer = answer
            batch = self.stage.do(self.stage.loader.load(claims))
            self.finishes += batch.finishes
            self.outcomes += batch.outcomes
            for sendable in batch.sendable:
                self._may_be_sent(sendable.delivery)
                self.outcomes.append(self.stage.do(self.stage.attempter.attempt(sendable)))

    @rule()
    def record(self) -> None:
        """One result is committed."""
        if self.outcomes:
            self._record(self.outcomes.pop(0))

    @rule()
    def finish(self) -> None:
        """The queue is told of what is committed."""
        if self.finishes:
            finishes, self.finishes = self.finishes, []
            self.stage.do(self._quietly(self.stage.world.queue.finish(finishes), 0))

    @rule()
    def crash(self) -> None:
        """The dispatcher dies with all that it has in its hands."""
        self.claims, self.outcomes, self.finishes = [], [], []

    @rule()
    def flush(self) -> None:
        """Redis forgets everything."""
        self.stage.do(self.stage.forget())

    @rule()
    def reconcile(self) -> None:
        """The reconciler comes by; it ends what a disabled endpoint has not received."""
        self.stage.do(self.stage.reconcile())
        if not self.is_enabled:
            for event in self.published:
                self.ended.setdefault(event, DeliveryState.UNDELIVERED)

    @rule()
    def disable(self) -> None:
        """The endpoint's owner wants nothing more."""
        self.stage.do(self.stage.set_state(self.endpoint, EndpointState.DISABLED))
        self.is_enabled = False

    @rule()
    def enable(self) -> None:
        """The owner wants what comes from now on, and what has not been ended yet."""
        self.stage.do(self.stage.set_state(self.endpoint, EndpointState.ENABLED))
        self.is_enabled = True

    @rule()
    def expire(self) -> None:
        """Leases end."""
        self.stage.do(asyncio.sleep(LEASE_SECONDS))
        self.stage.do(self._quietly(self.stage.world.queue.tick(), False))

    @invariant()
    def database_and_model_agree(self) -> None:
        """An end that was committed stands, and nothing ended that was not."""
        states = self.stage.do(self.stage.world.states())
        assert set(states) == set(self.published)
        found = {event: state for event, (state, _) in states.items() if state not in {"pending", "waiting"}}
        assert found == self.ended

    def teardown(self) -> None:
        """From any state, the system by itself brings every event to its end."""
        try:
            for _ in range(_ROUNDS_MAX):
                if len(self.ended) == len(self.published):
                    break
                self.reconcile()
                self.expire()
                self.claim(100)
                self.send(Decision.DELIVERED)
                while self.outcomes:
                    self.record()
                self.finish()
            assert set(self.ended) == set(self.published)
            attempts = self.stage.do(self.stage.world.attempts())
            assert len(attempts) == sum(self.recorded.values())
            posted = {delivery.event_id for delivery in self.stage.posts}
            missed = {event for event, state in self.ended.items() if state == DeliveryState.UNDELIVERED}
            assert set(self.published) - missed <= posted
        finally:
            super().teardown()

    def _may_be_sent(self, delivery: LoadedDelivery) -> None:
        assert self.is_enabled, "sent although the endpoint is disabled"
        assert delivery.event_id not in self.ended, "sent after its end was committed"
        for line in self.lines.values():
            if delivery.event_id in line:
                before = line[: line.index(delivery.event_id)]
                assert all(event in self.ended for event in before), "sent before its predecessor ended"

    def _record(self, outcome: Outcome) -> None:
        event, recorded = self.stage.do(self._commit(outcome))
        self.recorded[event] += outcome.attempt is not None
        disabled = outcome.effect is Effect.DISABLE and not self.stage.do(self.stage.is_enabled(self.endpoint))
        self.is_enabled = self.is_enabled and not disabled
        if not recorded.superseded:
            assert event not in self.ended, "an end was changed"
            if recorded.retry is None:
                self.ended[event] = outcome.state
        self.finishes.append(Finish(claim=outcome.claim, retry=recorded.retry))

    async def _commit(self, outcome: Outcome) -> tuple[UUID, Recorded]:
        async with self.stage.world.pool.acquire() as connection, connection.transaction():
            (recorded,) = await self.stage.work.write(connection, [outcome])
        await self.stage.work.committed([recorded])
        return await self.stage.event_of(outcome.claim.job.delivery_id), recorded

    async def _quietly(self, work: Coroutine[Any, Any, _Value], otherwise: _Value) -> _Value:
        try:
            return await work
        except EpochLost:
            return otherwise
