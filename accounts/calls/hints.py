"""What banks tell of consents by themselves: that one has changed, or that its holder took it back in the bank's pages.

Some banks leave a consent as it is when its holder ends the access that it gave, and tell so in no other way; so the
bank's proven word ends it here. Everything else is only a reason to ask.
"""

from dataclasses import replace

import structlog

from accounts.consents import ledger
from accounts.consents.hear import Change
from accounts.consents.ledger import Changer
from accounts.consents.rows import ConsentRow
from accounts.consents.states import ConsentState
from accounts.tools import Connection, Tools
from kernel.sql import beside
from webhooks.queue.port import Job

_SQL = beside(__file__, "hints.sql")
_log = structlog.get_logger()


class HintedConsents:
    """One per process. Heeding a hint twice is heeding it once."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._changer = Changer(tools)

    async def heed(self, bank_id: str, bank_consent_id: str, *, ended: bool) -> bool:
        """Have the consent asked about, or end it; whether there is one that is not over."""
        row = await self._tools.pool.fetchrow(_SQL["find_hinted"], bank_id, bank_consent_id)
        if row is None:
            return False
        found = ConsentRow.from_row(row)
        key = await ledger.key_of(self._tools, found)
        async with self._tools.pool.acquire() as connection, connection.transaction():
            consent = await ledger.lock(connection, found.ref)
            if consent.is_final:
                return False
            if not ended:
                await self._doubt(connection, consent)
                return True
            change = Change(status=ConsentState.REVOKED, reason="holder_revoked", must_end=True, forget_code=True)
            _, jobs = await self._changer.apply_beside(connection, consent, change, key)
        _log.info("consent.revoked_at_bank", consent_id=str(found.id), bank_id=bank_id)
        await self._offer(jobs)
        return True

    async def _doubt(self, connection: Connection, consent: ConsentRow) -> None:
        """Asked about as soon as no call is under way; before it is authorised the bank is asked anyway."""
        if consent.status is ConsentState.AUTHORISED:
            await ledger.write(connection, replace(consent, is_doubted=True, next_check_at=self._tools.clock.now()))

    async def _offer(self, jobs: tuple[Job, ...]) -> None:
        if jobs:
            await self._tools.enqueuer.offer(jobs)
