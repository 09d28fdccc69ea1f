"""Processes that can die before and after each of their commits and calls."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from adapters.contract import Bank, Outcome
from adapters.wire import WireRequest
from kernel.masked import Secret
from payments.tools import BankCalls
from tests.support.scripted_bank import Crash


@dataclass(slots=True)
class Life:
    """Of one process. `points` is at how many more points of possible death it dies; None is at none.

    `seen` counts the points that it came by.
    """

    points: int | None = None
    dead: bool = False
    seen: int = 0

    def point(self) -> None:
        """A point of possible death; nothing goes on after it."""
        self.seen += 1
        if self.points is not None and not self.dead:
            self.points -= 1
            self.dead = self.points <= 0
        if self.dead:
            raise Crash


@dataclass(frozen=True, slots=True)
class MortalPool:
    """A pool whose process may die before and after each commit."""

    pool: Any
    life: Life

    @asynccontextmanager
    async def acquire(self) -> "AsyncIterator[MortalConnection]":
        async with self.pool.acquire() as connection:
            yield MortalConnection(connection, self.life)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """A statement that is its own transaction."""
        statement = getattr(self.pool, name)

        async def run(*arguments: Any) -> Any:
            self.life.point()
            result = await statement(*arguments)
            self.life.point()
            return result

        return run


@dataclass(frozen=True, slots=True)
class MortalConnection:
    """One of its connections."""

    connection: Any
    life: Life

    @asynccontextmanager
    async def transaction(self, **options: Any) -> AsyncIterator[None]:
        async with self.connection.transaction(**options):
            yield
            self.life.point()
        self.life.point()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


@dataclass(frozen=True, slots=True)
class MortalCalls:
    """The calls of a process that may die before and after each."""

    inner: BankCalls
    life: Life

    async def perform(self, bank: Bank, request: WireRequest, payer_access: Secret | None = None) -> Outcome:
        self.life.point()
        outcome = await self.inner.perform(bank, request, payer_access)
        self.life.point()
        return outcome
