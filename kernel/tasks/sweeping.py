"""Takes every row whose time has come, key by key, so that no key waits for another."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Protocol, TypeVar
from uuid import UUID

import asyncpg

from kernel.clock import Clock

Ref = TypeVar("Ref")
_Taken_contra = TypeVar("_Taken_contra", contravariant=True)


class Runner(Protocol[_Taken_contra]):
    """What carries on with claimed rows: of each key so many at once."""

    def start(self, ref: _Taken_contra, key: str, /) -> bool:
        """Begin; False where that is being done already, or the process is stopping."""
        ...

    def busy(self, key: str, /) -> int:
        """How many of a key are under way."""
        ...

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        ...

    async def drain(self) -> None:
        """Begin nothing more, and wait for what was begun."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """How rows are claimed, and how many of each key (`share`) may be under way at once.

    `query` takes the key, the time, the time until which nobody else claims them, and how many at most; it returns
    `partner_id` and `id`. A claim only moves the time of the next look: what keeps anything from being done twice is
    the lease that whoever goes on takes under the row's lock.
    """

    pool: "asyncpg.Pool[asyncpg.Record]"
    clock: Clock
    query: str
    seconds: float
    share: int


class KeyedSweeper(Generic[Ref]):
    """Claims due rows and has them carried on. Any number of processes may run one."""

    def __init__(
        self,
        claims: Claims,
        runner: Runner[Ref],
        keys: Callable[[], Awaitable[Sequence[str]]],
        ref: Callable[[UUID, UUID], Ref],
    ) -> None:
        """`keys` are those that are swept at the moment; `ref` names a row by its partner and its id."""
        self._claims = claims
        self._runner = runner
        self._keys = keys
        self._ref = ref

    async def run_once(self) -> int:
        """Begin what is due, as far as each key's share goes, and return how many; all goes on by itself."""
        return sum([await self._sweep(key) for key in await self._keys()])

    async def settle(self) -> None:
        """Wait for all that was begun here."""
        await self._runner.settle()

    async def drain(self) -> None:
        """Begin nothing more, and wait for what was begun."""
        await self._runner.drain()

    async def _sweep(self, key: str) -> int:
        claims = self._claims
        free = claims.share - self._runner.busy(key)
        if free <= 0:
            return 0
        now = claims.clock.now()
        rows = await claims.pool.fetch(claims.query, key, now, now + timedelta(seconds=claims.seconds), free)
        return sum(self._runner.start(self._ref(row["partner_id"], row["id"]), key) for row in rows)
