"""Banks that tell that something changed, and not what it is now: whoever it is about asks the bank at once.

A hint is evidence of nothing. One that is lost, late or told twice costs nothing, for the bank is asked without it too;
so one that names nothing which is asked about is passed over, and is not tried again.
"""

from typing import Protocol

from adapters.contract import Hint, Notified, Subject
from kernel.sql import beside
from payments.inbox.batch import Kept
from payments.tools import Tools

_SQL = beside(__file__, "hints.sql")


class ConsentHints(Protocol):
    """Who asks about the consents of accounts' holders (accounts/calls/hints.py)."""

    async def heed(self, bank_id: str, bank_consent_id: str, *, ended: bool) -> bool:
        """Whether there is such a consent that is not over. `ended`: its holder took it back at the bank."""
        ...


class Hints:
    """Has what was hinted at asked about. Doing so twice is doing so once."""

    def __init__(self, tools: Tools, consents: ConsentHints) -> None:
        self._tools = tools
        self._consents = consents

    async def heed(self, kept: Kept, notified: Notified) -> bool:
        """Whether any of the hints was about something that is asked about."""
        return any([await self._heed(kept.bank_id, hint) for hint in notified.hints])

    async def _heed(self, bank_id: str, hint: Hint) -> bool:
        match hint.about:
            case Subject.PAYMENT:
                now = self._tools.clock.now()
                return bool(await self._tools.pool.fetchval(_SQL["ask_now"], bank_id, hint.id, now))
            case Subject.ACCOUNT_CONSENT:
                return await self._consents.heed(bank_id, hint.id, ended=hint.ended)
