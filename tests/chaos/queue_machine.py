"""Every order of the steps between a committed event and its end, with a death between any two of them.

The real Lua and the real statements do the work; the model is a few sets and a list. What must hold at every moment: no
POST of a delivery whose end is committed, none to a disabled or paused endpoint, none but a probe to a held one, no
follower before its predecessor ended. What must hold in the end: every delivery ended, as often as was said; each
committed attempt is on record; no lane is held or half open any more.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from redis.asyncio import Redis

from kernel.errors import Conflict
from tests.support.tenants import caller
from tests.support.webhooks import FAST, TENANT, World, result_of
from webhooks.dispatch.attempting import Attempter
from webhooks.dispatch.loading import Loader
from webhooks.dispatch.outcome import Outcome
from webhooks.dispatch.policy import RetryPolicy
from webhooks.dispatch.recording import Recorded, RecordWork
from webhooks.endpoints.requests import EndpointPatch
from webhooks.endpoints.telling import lane_of
from webhooks.health.model import HealthPolicy, HoldPolicy
from webhooks.queue.port import Claim, EpochLost, Finish
from webhooks.reconciler.reconciler import Reconciler
from webhooks.replays.model import ReplayRules
from webhooks.replays.retrying import Retrier
from webhooks.sending.model import AttemptResult, Blame, Cause, Decision, LoadedDelivery, Verdict
from webhooks.sending.schedule import Schedule
from webhooks.states import DeliveryState, EndpointState

LEASE_SECONDS = 0.15
_PROBE_SECONDS_MAX = 0.02
# Two failures of the lane hold it, and its probes come as soon as anybody looks.
HEALTH = HealthPolicy(
    hold=HoldPolicy(failures=2, probe_min=timedelta(seconds=0.01), probe_max=timedelta(seconds=_PROBE_SECONDS_MAX))
)
_ROUNDS_MAX = 60
_IMMEDIATELY = RetryPolicy(schedule=Schedule(delays_seconds=(0,) * 50, jitter_share=0))
_DELIVERED = Verdict(decision=Decision.DELIVERED)
_LANE_FAILS = Verdict(decision=Decision.RETRY, blame=Blame.LANE)
_ANSWERS = (
    _DELIVERED,
    _LANE_FAILS,
    Verdict(decision=Decision.RETRY, blame=Blame.DELIVERY),
    Verdict(decision=Decision.ABORT, blame=Blame.DELIVERY),
    Verdict(decision=Decision.DISABLE, blame=Blame.DELIVERY),
)
_WHO = caller(TENANT)
_Value = TypeVar("_Value")


class Stage:
    """The real parts, and the sender whose next answer the test decides."""

    def __init__(self, world: World, reconciler: Reconciler, redis: Redis, runner: asyncio.Runner) -> None:
        self.world = world
        self.reconciler = reconciler
        self.redis = redis
        self.runner = runner
        self.answer = _DELIVERED
        self.posts: list[LoadedDelivery] = []
        self.causes: Counter[Cause] = Counter()
        self.rounds: Counter[int] = Counter()
        policy = replace(FAST, retry=_IMMEDIATELY, load_seconds=5, signing_seconds=60)
        self.loader = Loader(world.pool, world.vault, world.clock, policy)
        self.attempter = Attempter(self, world.vault, world.clock, policy, world.notes)
        self.work = RecordWork(world.writer, world.enqueuer, world.queue, world.clock, HEALTH)
        self.retrier = Retrier(world.pool, world.enqueuer, world.clock, ReplayRules())

    async def send(self, delivery: LoadedDelivery) -> AttemptResult:
        """The merchant."""
        self.posts.append(delivery)
        self.causes[delivery.cause] += 1
        self.rounds[delivery.round] += 1
        return result_of(self.answer)

    def do(self, work: Coroutine[Any, Any, _Value]) -> _Value:
        """One step, to its end."""
        return self.runner.run(work)

    async def reset(self) -> None:
        """An empty database and an empty queue."""
        await self.world.pool.execute(
            "TRUNCATE deliveries, events, delivery_attempts, event_keys, webhook_endpoints, endpoint_secrets,"
            " endpoint_counters, replays"
        )
        await self.forget()
        self.posts.clear()
        await self.reconcile()

    async def forget(self) -> None:
        """FLUSHALL."""
        await self.redis.flushall()

    async def set_state(self, endpoint_id: UUID, state: EndpointState) -> None:
        """What the endpoint's owner wants."""
        await self.world.endpoints.patch(_WHO, endpoint_id, EndpointPatch(state=state))

    async def set_paused(self, endpoint_id: UUID, *, is_paused: bool, is_told: bool) -> None:
        """The owner's word, and the queue told of it, unless its process died right after the commit."""
        turn = self.world.endpoints.pause if is_paused else self.world.endpoints.resume
        endpoint = await turn(_WHO, endpoint_id)
        if is_told:
            with suppress(EpochLost):
                await self.world.queue.configure([lane_of(endpoint)])

    async def retry(self, event_id: UUID) -> bool:
        """Somebody wants this event's delivery tried now; whether that began another round."""
        delivery_id = await self.world.pool.fetchval("SELECT id FROM deliveries WHERE event_id = $1", event_id)
        try:
            return (await self.retrier.retry(_WHO, delivery_id)).replay_id is not None
        except Conflict:
            return False

    async def is_enabled(self, endpoint_id: UUID) -> bool:
        """As it stands."""
        return (await self.world.endpoints.get(TENANT, endpoint_id)).state is EndpointState.ENABLED

    async def is_held(self, endpoint_id: UUID) -> bool:
        """As it stands."""
        return (await self.world.endpoints.get(TENANT, endpoint_id)).standing.held_at is not None

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
        self.replayed: set[UUID] = set()
        self.is_enabled = True
        self.is_paused = False
        self.endpoint = self.stage.do(self._begin())

    async def _begin(self) -> UUID:
        await self.stage.reset()
        return await self.stage.world.endpoint(ordered=True)

    @initialize(count=st.integers(2, 6))
    def begin(self, count: int) -> None:
        """Something waits from the start, so that few steps are wasted."""
        self.published += self.stage.do(self.stage.world.publish(count))

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

    @rule(answer=st.sampled_from(_ANSWERS))
    def send(self, answer: Verdict) -> None:
        """It loads what it claimed, drops what moved on, and sends the rest."""
        if self.claims:
            claims, self.claims = self.claims, []
            self.stage.answer = answer
            batch = self.stage.do(self.stage.loader.load(claims))
            self.finishes += batch.finishes
            self.outcomes += batch.outcomes
            is_held = self.stage.do(self.stage.is_held(self.endpoint))
            for sendable in batch.sendable:
                self._may_be_sent(sendable.delivery, is_held=is_held)
                outcome = self.stage.do(self.stage.attempter.attempt(sendable))
                assert outcome is not None
                self.outcomes.append(outcome)
            self.stage.do(self._quietly(self.stage.world.queue.configure(list(batch.lanes.values())), None))

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

    @rule(answers=st.lists(st.sampled_from(_ANSWERS), min_size=1, max_size=3))
    def dispatch(self, answers: list[Verdict]) -> None:
        """Dispatchers at work, undisturbed; each time the merchant answers everything alike."""
        for answer in answers:
            self.claim(5)
            self.send(answer)
            while self.outcomes:
                self.record()
            self.finish()

    @rule(probes=st.integers(1, 2))
    def trouble(self, probes: int) -> None:
        """The merchant is down: what is sent fails until the lane is held, and so do the first probes."""
        self.publish(offered=True, line=None, count=2)
        self.dispatch([_LANE_FAILS] * 2)
        for _ in range(probes):
            self.reconcile()
            self.dispatch([_LANE_FAILS])

    @rule(is_flushed=st.booleans())
    def die(self, *, is_flushed: bool) -> None:
        """The dispatcher dies with all that it has in its hands, or Redis forgets everything."""
        if is_flushed:
            self.stage.do(self.stage.forget())
        else:
            self.claims, self.outcomes, self.finishes = [], [], []

    @rule()
    def reconcile(self) -> None:
        """The reconciler comes by, in time for a probe; it ends what a disabled endpoint has not received."""
        self.stage.do(asyncio.sleep(_PROBE_SECONDS_MAX))
        self.stage.do(self.stage.reconcile())
        if not self.is_enabled:
            for event in self.published:
                self.ended.setdefault(event, DeliveryState.UNDELIVERED)

    @rule(is_enabled=st.sampled_from([True, True, False]))
    def switch(self, *, is_enabled: bool) -> None:
        """The endpoint's owner wants nothing more, or what comes from now on and what has not been ended yet."""
        state = EndpointState.ENABLED if is_enabled else EndpointState.DISABLED
        self.stage.do(self.stage.set_state(self.endpoint, state))
        self.is_enabled = is_enabled

    @rule(is_paused=st.sampled_from([False, False, True]), is_told=st.booleans())
    def pause(self, *, is_paused: bool, is_told: bool) -> None:
        """The owner wants nothing for a while, or what waits."""
        self.stage.do(self.stage.set_paused(self.endpoint, is_paused=is_paused, is_told=is_told))
        self.is_paused = is_paused

    @rule(choice=st.integers(0, 100), is_sent=st.sampled_from([True, True, False]))
    def retry(self, choice: int, *, is_sent: bool) -> None:
        """One delivery is wanted now: a pending one is due, one that has ended begins another round."""
        if events := list(self.ended) or self.published:
            event = events[choice % len(events)]
            if self.stage.do(self.stage.retry(event)):
                del self.ended[event]
                self.replayed.add(event)
        if is_sent:
            self.dispatch([_DELIVERED])

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
            self.pause(is_paused=False, is_told=False)
            for _ in range(_ROUNDS_MAX):
                if len(self.ended) == len(self.published):
                    break
                self.reconcile()
                self.expire()
                self.claim(100)
                self.send(_DELIVERED)
                while self.outcomes:
                    self.record()
                self.finish()
            assert set(self.ended) == set(self.published)
            attempts = self.stage.do(self.stage.world.attempts())
            assert len(attempts) == sum(self.recorded.values())
            posted = {delivery.event_id for delivery in self.stage.posts}
            missed = {event for event, state in self.ended.items() if state == DeliveryState.UNDELIVERED}
            assert set(self.published) - missed <= posted
            assert not (posted and self.is_enabled and self.stage.do(self.stage.is_held(self.endpoint)))
        finally:
            super().teardown()

    def _may_be_sent(self, delivery: LoadedDelivery, *, is_held: bool) -> None:
        assert self.is_enabled, "sent although the endpoint is disabled"
        assert not self.is_paused, "sent although the endpoint is paused"
        assert delivery.cause is Cause.PROBE or not is_held, "sent although the lane is held"
        assert delivery.event_id not in self.ended, "sent after its end was committed"
        for line in self.lines.values():
            if delivery.event_id in line and delivery.event_id not in self.replayed:
                before = line[: line.index(delivery.event_id)]
                assert self.ended.keys() | self.replayed >= set(before), "sent before its predecessor ended"

    def _record(self, outcome: Outcome) -> None:
        event, recorded = self.stage.do(self._commit(outcome))
        self.recorded[event] += outcome.attempt is not None
        if outcome.otherwise and self.stage.do(self.stage.is_enabled(self.endpoint)):
            outcome = outcome.otherwise
        self.is_enabled = self.is_enabled and not outcome.disables
        if not recorded.superseded:
            assert event not in self.ended, "an end was changed"
            if recorded.retry is None:
                self.ended[event] = outcome.state
        self.finishes.append(outcome.finish(recorded.retry))

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
