"""One queue over several shards, each with lanes of its own: a lane lives where the hash of its endpoint says.

A shard that is away or lost keeps nobody else waiting: once it failed it is asked by one task alone until it answers
again, and a call fails only where no shard that it needs is there. What is missed that way is what the reconciler and
the leases are for.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol, TypeVar
from uuid import UUID
from zlib import crc32

from webhooks.queue.port import (
    Claim,
    EpochLost,
    Finish,
    Job,
    Lane,
    Placed,
    QueueError,
    QueueUnavailable,
    RebuildableQueue,
)

_Answer = TypeVar("_Answer")
_Item = TypeVar("_Item")
_Call = Callable[[int, RebuildableQueue], Awaitable[_Answer]]

_ASK_AGAIN_SECONDS = 1.0


class _OfLane(Protocol):
    @property
    def endpoint_id(self) -> UUID: ...


class ShardedQueue:
    """`webhooks.queue.port.RebuildableQueue` over shards; how many they are is part of every shard's epoch."""

    def __init__(self, shards: Sequence[RebuildableQueue]) -> None:
        self._shards = shards
        self._turn = 0
        self._waits: dict[int, asyncio.Task[None]] = {}
        self._away: dict[int, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """End what goes on in the background. The shards' clients are closed by who opened them."""
        tasks = (*self._waits.values(), *self._away.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def enqueue(self, jobs: Sequence[Job]) -> list[Placed]:
        """See the port. Jobs of a shard that is away are AWAY, as long as there are other shards.

        Where a shard is lost the others have taken theirs before EpochLost is raised.
        """
        parts = self._parts(jobs, lambda job: job)
        answers, errors = await self._ask(parts, lambda at, shard: shard.enqueue(parts[at]))
        for error in errors:
            if isinstance(error, EpochLost) or len(errors) == len(self._shards):
                raise error
        placed = {at: iter(answers.get(at) or [Placed.AWAY] * len(part)) for at, part in parts.items()}
        return [next(placed[self._at(job)]) for job in jobs]

    async def claim(self, limit: int) -> list[Claim]:
        """See the port. The shards take turns at being asked first."""
        claims: list[Claim] = []
        errors: list[QueueError] = []
        self._turn += 1
        for step in range(len(self._shards)):
            at = (self._turn + step) % len(self._shards)
            try:
                claims += await self._one(at, self._shards[at].claim, limit - len(claims))
            except QueueError as error:
                errors.append(error)
            if len(claims) >= limit:
                break
        if len(errors) == len(self._shards):
            raise errors[0]
        return claims

    async def finish(self, finishes: Sequence[Finish]) -> int:
        """See the port. What a shard that is away was to be told is dropped: its leases end."""
        parts = self._parts(finishes, lambda finish: finish.claim.job)
        return sum((await self._answers(parts, lambda at, shard: shard.finish(parts[at]))).values())

    async def configure(self, lanes: Sequence[Lane]) -> None:
        """See the port."""
        parts = self._parts(lanes, lambda lane: lane)
        await self._answers(parts, lambda at, shard: shard.configure(parts[at]))

    async def renew(self, claims: Sequence[Claim]) -> list[bool]:
        """See the port. A lease whose shard is away counts as lost."""
        parts = self._parts(claims, lambda claim: claim.job)
        answers = await self._answers(parts, lambda at, shard: shard.renew(parts[at]))
        held = {at: iter(answers.get(at) or [False] * len(part)) for at, part in parts.items()}
        return [next(held[self._at(claim.job)]) for claim in claims]

    async def tick(self) -> bool:
        """See the port."""
        return any((await self._answers(self._all, lambda _, shard: shard.tick())).values())

    async def wait(self, timeout_seconds: float) -> None:
        """See the port. Waits that are not over when one is go on, and count for the next call."""
        for at in self._all:
            if at not in self._waits and at not in self._away:
                self._waits[at] = asyncio.create_task(self._one(at, self._shards[at].wait, timeout_seconds))
        if not self._waits:
            raise QueueUnavailable("no shard")
        done, _ = await asyncio.wait(self._waits.values(), timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        ended = [self._waits.pop(at).exception() for at in self._all if self._waits.get(at) in done]
        if ended and not self._waits and ended[0] is not None:
            raise ended[0]

    async def count(self) -> int:
        """See the port. The jobs of the shards that answer."""
        return sum((await self._answers(self._all, lambda _, shard: shard.count())).values())

    async def is_lost(self) -> bool:
        """See the port. True where any shard is lost; one that is away is not, until it answers again."""
        return any((await self._losses()).values())

    async def open_epoch(self, number: int) -> bool:
        """See the port. Only the shards that lost theirs begin anew, so that the others keep their leases; or all."""
        losses = await self._losses()
        lost = [at for at, is_lost in losses.items() if is_lost] or list(losses)
        return all((await self._answers(lost, lambda _, shard: shard.open_epoch(number))).values())

    async def drop_old_epochs(self) -> int:
        """See the port."""
        return sum((await self._answers(self._all, lambda _, shard: shard.drop_old_epochs())).values())

    @property
    def _all(self) -> range:
        return range(len(self._shards))

    async def _losses(self) -> dict[int, bool]:
        return await self._answers(self._all, lambda _, shard: shard.is_lost())

    def _at(self, lane: _OfLane) -> int:
        return crc32(lane.endpoint_id.bytes) % len(self._shards)

    def _parts(self, items: Sequence[_Item], lane_of: Callable[[_Item], _OfLane]) -> dict[int, list[_Item]]:
        parts: defaultdict[int, list[_Item]] = defaultdict(list)
        for item in items:
            parts[self._at(lane_of(item))].append(item)
        return parts

    async def _answers(self, ats: Collection[int], call: _Call[_Answer]) -> dict[int, _Answer]:
        answers, errors = await self._ask(ats, call)
        if errors and not answers:
            raise errors[0]
        return answers

    async def _ask(self, ats: Collection[int], call: _Call[_Answer]) -> tuple[dict[int, _Answer], list[QueueError]]:
        """What each of these shards answered, and the errors of those that did not."""
        calls = [self._one(at, call, at, self._shards[at]) for at in ats]
        answers: dict[int, _Answer] = {}
        errors: list[QueueError] = []
        for at, answer in zip(ats, await asyncio.gather(*calls, return_exceptions=True), strict=True):
            if isinstance(answer, QueueError):
                errors.append(answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                answers[at] = answer
        return answers, errors

    async def _one(self, at: int, call: Callable[..., Awaitable[_Answer]], *arguments: object) -> _Answer:
        if at in self._away:
            raise QueueUnavailable("its shard is away")
        try:
            return await call(*arguments)
        except QueueUnavailable:
            if at not in self._away:
                self._away[at] = asyncio.create_task(self._until_back(at))
            raise

    async def _until_back(self, at: int) -> None:
        is_back = False
        while not is_back:
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
            try:
                await self._shards[at].is_lost()
                is_back = True
            except QueueError:
                continue
        del self._away[at]
