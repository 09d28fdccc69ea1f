"""One queue over several shards, each with lanes of its own: a lane lives where the hash of its endpoint says.

A shard that is away or lost keeps nobody else waiting: the others go on, and a call fails only where no shard that it
asked could answer. What is missed that way is what the reconciler and the leases are there for.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar
from uuid import UUID
from zlib import crc32

from webhooks.queue.port import Claim, Finish, Job, Lane, Placed, QueueError, RebuildableQueue

_Answer = TypeVar("_Answer")
_Item = TypeVar("_Item")


class _OfLane(Protocol):
    @property
    def endpoint_id(self) -> UUID: ...


class ShardedQueue:
    """`webhooks.queue.port.RebuildableQueue` over shards; how many they are is part of every shard's epoch."""

    def __init__(self, shards: Sequence[RebuildableQueue]) -> None:
        self._shards = shards
        self._turn = 0
        self._waits: dict[int, asyncio.Task[None]] = {}

    async def enqueue(self, jobs: Sequence[Job]) -> list[Placed]:
        """See the port. Jobs of a shard that is away are AWAY, as long as there are other shards."""
        parts = self._parts(jobs, lambda job: job)
        answers, errors = await _ask({at: self._shards[at].enqueue(part) for at, part in parts.items()})
        if len(errors) == len(self._shards):
            raise errors[0]
        placed = {at: iter(answers.get(at) or [Placed.AWAY] * len(part)) for at, part in parts.items()}
        return [next(placed[self._at(job)]) for job in jobs]

    async def claim(self, limit: int) -> list[Claim]:
        """See the port. The shards take turns at being asked first."""
        claims: list[Claim] = []
        errors: list[QueueError] = []
        self._turn += 1
        for step in range(len(self._shards)):
            try:
                claims += await self._shards[(self._turn + step) % len(self._shards)].claim(limit - len(claims))
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
        return sum((await _answers({at: self._shards[at].finish(part) for at, part in parts.items()})).values())

    async def configure(self, lanes: Sequence[Lane]) -> None:
        """See the port."""
        parts = self._parts(lanes, lambda lane: lane)
        await _answers({at: self._shards[at].configure(part) for at, part in parts.items()})

    async def renew(self, claims: Sequence[Claim]) -> list[bool]:
        """See the port. A lease whose shard is away counts as lost."""
        parts = self._parts(claims, lambda claim: claim.job)
        answers = await _answers({at: self._shards[at].renew(part) for at, part in parts.items()})
        held = {at: iter(answers.get(at) or [False] * len(part)) for at, part in parts.items()}
        return [next(held[self._at(claim.job)]) for claim in claims]

    async def tick(self) -> bool:
        """See the port."""
        return any((await _answers({at: shard.tick() for at, shard in enumerate(self._shards)})).values())

    async def wait(self, timeout_seconds: float) -> None:
        """See the port. Waits that are not over when one is go on, and count for the next call."""
        for at, shard in enumerate(self._shards):
            if at not in self._waits:
                self._waits[at] = asyncio.create_task(shard.wait(timeout_seconds))
        done, _ = await asyncio.wait(self._waits.values(), timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        over = [at for at, task in self._waits.items() if task in done]
        failures = [self._waits.pop(at).exception() for at in over]
        if len(failures) == len(self._shards) and failures[0] is not None and all(failures):
            raise failures[0]
        if failures and all(failures):  # a shard that is away must not turn waiting into asking
            await asyncio.sleep(timeout_seconds / 2)

    async def count(self) -> int:
        """See the port. The jobs of the shards that answer."""
        return sum((await _answers({at: shard.count() for at, shard in enumerate(self._shards)})).values())

    async def is_lost(self) -> bool:
        """See the port. True where any shard is lost; one that is away is not, until it answers again."""
        return any((await self._losses()).values())

    async def open_epoch(self, number: int) -> bool:
        """See the port. Only the shards that lost theirs begin anew, so that the others keep their leases; or all."""
        losses = await self._losses()
        lost = [at for at, is_lost in losses.items() if is_lost] or list(losses)
        return all((await _answers({at: self._shards[at].open_epoch(number) for at in lost})).values())

    async def drop_old_epochs(self) -> int:
        """See the port."""
        return sum((await _answers({at: shard.drop_old_epochs() for at, shard in enumerate(self._shards)})).values())

    async def _losses(self) -> dict[int, bool]:
        return await _answers({at: shard.is_lost() for at, shard in enumerate(self._shards)})

    def _at(self, lane: _OfLane) -> int:
        return crc32(lane.endpoint_id.bytes) % len(self._shards)

    def _parts(self, items: Sequence[_Item], lane_of: Callable[[_Item], _OfLane]) -> dict[int, list[_Item]]:
        parts: defaultdict[int, list[_Item]] = defaultdict(list)
        for item in items:
            parts[self._at(lane_of(item))].append(item)
        return parts


async def _ask(calls: Mapping[int, Awaitable[_Answer]]) -> tuple[dict[int, _Answer], list[QueueError]]:
    """What each shard answered, and the errors of those that did not."""
    answers: dict[int, _Answer] = {}
    errors: list[QueueError] = []
    for at, answer in zip(calls, await asyncio.gather(*calls.values(), return_exceptions=True), strict=True):
        if isinstance(answer, QueueError):
            errors.append(answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            answers[at] = answer
    return answers, errors


async def _answers(calls: Mapping[int, Awaitable[_Answer]]) -> dict[int, _Answer]:
    answers, errors = await _ask(calls)
    if errors and not answers:
        raise errors[0]
    return answers
