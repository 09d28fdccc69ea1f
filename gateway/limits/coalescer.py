"""All questions of one loop turn in one call to Redis; and nobody waits long for a Redis that is away.

While a call is in flight the next questions gather, so a busy process sends few and large calls. A call that takes too
long answers its own questions with None. After a few of those in a row, or one error, Redis counts as away: everybody
who waits is let go, a single task probes until Redis takes a write again, and until then no request waits at all.

A request that passed because its answer was late is not forgotten: what Redis did not take for it is taken with the
next question about the same buckets, whatever is left in them. So late answers move calls in time, and add none.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence

import structlog
from redis import RedisError

from gateway.limits.gcra import Bucket
from gateway.limits.policy import LimitPolicy
from gateway.limits.storage import Demand, TokenBucketSupport, Verdict

_log = structlog.get_logger()
_BATCH_MAX = 500
# A timer that fires this late says that our own loop stood still; the answer may lie in the socket already.
_LATE_SECONDS = 0.005
_GRACE_SECONDS = 0.01
# One slow answer may be a busy machine; this many in a row are a Redis that hangs.
_SLOW_MAX = 3
_DEBTS_MAX = 10_000
_PROBE = Demand(buckets=(("probe", Bucket(capacity=1_000, rate_per_second=1_000)),))

_Waiting = tuple[Demand, "asyncio.Future[Verdict | None]"]


class Coalescer:
    """`take` answers a verdict, or None where Redis gave none; `available` says whether it counts as away."""

    def __init__(self, storage: TokenBucketSupport, policy: LimitPolicy) -> None:
        self._storage = storage
        self._policy = policy
        self._waiting: list[_Waiting] = []
        self._oldest = 0.0
        self._flusher: asyncio.Task[None] | None = None
        self._prober: asyncio.Task[None] | None = None
        self._slow = 0
        self._late: set[asyncio.Task[list[Verdict]]] = set()
        # Tokens of requests that passed without an answer, by their narrowest bucket; below zero, tokens taken in vain.
        self._debts: Counter[str] = Counter()
        self.available = True

    async def start(self) -> None:
        """Connect before the first request does; a Redis that is away now is probed from now on."""
        try:
            async with asyncio.timeout(1):
                await self._storage.take_all([_PROBE])
        except (RedisError, OSError) as error:
            self._went_away(error)

    async def close(self) -> None:
        """Answer who waits, and stop the tasks."""
        for task in (self._prober, self._flusher, *self._late):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, RedisError, OSError):
                    await task
        self._release()

    async def take(self, demand: Demand) -> Verdict | None:
        """One demand; it rides in the call of its loop turn."""
        if not self.available:
            return None
        if self._debts:
            self._repay(demand)
        return await self._ask(demand)

    def owe(self, demand: Demand) -> None:
        """A request passed although `take` had no answer for it; while Redis is away nothing is owed."""
        if self.available:
            self._change_debt(demand, demand.cost)

    def _repay(self, demand: Demand) -> None:
        tokens = self._debts[_narrowest(demand)]
        if tokens > 0:
            self._change_debt(demand, -tokens)
            payment = Demand(buckets=demand.buckets, cost=-tokens)
            self._ask(payment).add_done_callback(lambda paid: self._check(payment, paid))

    def _check(self, payment: Demand, paid: "asyncio.Future[Verdict | None]") -> None:
        if not paid.cancelled() and paid.result() is None:
            self.owe(Demand(buckets=payment.buckets, cost=-payment.cost))

    def _change_debt(self, demand: Demand, tokens: int) -> None:
        name = _narrowest(demand)
        self._debts[name] += tokens
        if not self._debts[name]:
            del self._debts[name]
        elif len(self._debts) > _DEBTS_MAX:
            self._debts.clear()

    def _ask(self, demand: Demand) -> "asyncio.Future[Verdict | None]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Verdict | None] = loop.create_future()
        if not self._waiting:
            self._oldest = loop.time()
        self._waiting.append((demand, future))
        if self._flusher is None:
            self._flusher = loop.create_task(self._flush())
        return future

    async def _flush(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_BATCH_MAX], self._waiting[_BATCH_MAX:]
                deadline = self._oldest + self._policy.wait_max_seconds
                self._oldest = asyncio.get_running_loop().time()
                await self._serve(batch, deadline)
        finally:
            self._flusher = None

    async def _serve(self, batch: Sequence[_Waiting], deadline: float) -> None:
        call = asyncio.get_running_loop().create_task(self._storage.take_all([demand for demand, _ in batch]))
        try:
            verdicts: Sequence[Verdict | None] = await _within(call, deadline)
            self._slow = 0
        except (RedisError, OSError) as error:
            self._hear_later(batch, call)
            self._failed(error)
            verdicts = [None] * len(batch)
        for (_, future), verdict in zip(batch, verdicts, strict=True):
            if not future.done():
                future.set_result(verdict)

    def _hear_later(self, batch: Sequence[_Waiting], call: "asyncio.Task[list[Verdict]]") -> None:
        """A late answer says for whom the tokens were taken after all."""

        def hear(call: "asyncio.Task[list[Verdict]]") -> None:
            self._late.discard(call)
            if call.cancelled() or call.exception() is not None:
                return
            for (demand, _), verdict in zip(batch, call.result(), strict=True):
                if verdict.allowed:
                    self._change_debt(demand, -abs(demand.cost))

        self._late.add(call)
        call.add_done_callback(hear)

    def _failed(self, error: Exception) -> None:
        self._slow += 1
        if self._slow >= _SLOW_MAX or not isinstance(error, TimeoutError):
            self._went_away(error)

    def _went_away(self, error: Exception) -> None:
        self.available = False
        self._debts.clear()
        _log.warning("limits.redis_lost", error=type(error).__name__)
        self._release()
        if self._prober is None:
            self._prober = asyncio.get_running_loop().create_task(self._probe())

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            if not future.done():
                future.set_result(None)

    async def _probe(self) -> None:
        while not self.available:
            await asyncio.sleep(self._policy.probe_interval_seconds)
            with contextlib.suppress(RedisError, OSError):
                async with asyncio.timeout(self._policy.probe_interval_seconds):
                    await self._storage.take_all([_PROBE])
                self.available, self._slow = True, 0
        self._prober = None
        _log.info("limits.redis_found")


async def _within(call: "asyncio.Task[list[Verdict]]", deadline: float) -> list[Verdict]:
    """The call's result. Raises TimeoutError (an OSError) when it is not there in time; the call goes on."""
    loop = asyncio.get_running_loop()
    due = max(deadline, loop.time() + _GRACE_SECONDS)
    done, _ = await asyncio.wait({call}, timeout=due - loop.time())
    if not done and loop.time() - due > _LATE_SECONDS:
        done, _ = await asyncio.wait({call}, timeout=_GRACE_SECONDS)
    if not done:
        raise TimeoutError
    return call.result()


def _narrowest(demand: Demand) -> str:
    """The last bucket of a demand belongs to nobody but its caller and its class of routes."""
    return demand.buckets[-1][0]
