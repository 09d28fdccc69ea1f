"""Tokens in the memory of one process: enough for tests, and what stands before the stored ones."""

import asyncio
from collections.abc import Awaitable, Callable

from adapters.engine.credentials.tokens import FORGETTING_SECONDS, Token, TokenPlace
from kernel.clock import Clock


class MemoryTokens:
    """Right by itself only for banks that let each process have a token of its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[TokenPlace, Token] = {}
        self._forgotten_at: dict[TokenPlace, float] = {}
        self._fetching: dict[TokenPlace, asyncio.Task[Token]] = {}

    async def get(
        self,
        place: TokenPlace,
        fetch: Callable[[], Awaitable[Token]],
        seconds_max: float,  # noqa: ARG002 - the port's; nobody else waits for this process
    ) -> Token:
        """The usable token, or the one that a single fetch for all waiting callers brings."""
        token = self._tokens.get(place)
        if token is not None and self._clock.now() < token.usable_until:
            return token
        task = self._fetching.get(place)
        if task is None:
            task = asyncio.create_task(self._keep(place, fetch))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._fetching[place] = task
        return await asyncio.shield(task)

    async def forget(self, place: TokenPlace, token: Token) -> None:
        """Fetch anew at the next call, unless that was done a moment ago."""
        now = self._clock.monotonic()
        if now - self._forgotten_at.get(place, -FORGETTING_SECONDS) >= FORGETTING_SECONDS and self.drop(place, token):
            self._forgotten_at[place] = now

    def drop(self, place: TokenPlace, token: Token) -> bool:
        """Keep this token no longer; whether it was the one that was kept."""
        if self._tokens.get(place) is not token:
            return False
        del self._tokens[place]
        return True

    async def _keep(self, place: TokenPlace, fetch: Callable[[], Awaitable[Token]]) -> Token:
        try:
            self._tokens[place] = await fetch()
            return self._tokens[place]
        finally:
            del self._fetching[place]
