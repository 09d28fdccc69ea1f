"""Calls about consents belong to the process, not to the request that asked for them."""

import contextvars
from collections.abc import Awaitable, Callable

import structlog

from accounts.consents.rows import ConsentRef
from kernel.tasks.running import KeyedTasks

_log = structlog.get_logger()


class ConsentRunner(KeyedTasks):
    """One task per consent at most. What a task could not do, the sweeper does: it looks at the database only."""

    def __init__(self, advance: Callable[[ConsentRef], Awaitable[None]], waiting_max: int = 200) -> None:
        """At most `waiting_max` callers and returning holders wait for one bank; the others are answered at once."""
        super().__init__(waiting_max)
        self._advance = advance

    def start(self, ref: ConsentRef, bank_id: str) -> bool:
        """Begin to advance the consent; False where that is being done already, or the process is stopping."""
        if not self._takes(ref.consent_id):
            return False
        # In a context of its own: the deadline of the request that began it is not the call's (kernel/deadline).
        self._add(ref.consent_id, bank_id, self._run(ref), contextvars.Context())
        return True

    async def _run(self, ref: ConsentRef) -> None:
        try:
            await self._advance(ref)
        except Exception:  # noqa: BLE001 - whatever it was, the sweeper goes on from the database
            _log.exception("consent.advance_failed", consent_id=str(ref.consent_id))
