"""The bank's own quota of reads without the holder, counted over all processes for each account and consent.

Rolling: each read counts for 24 hours. It is counted before the call, and given back if no byte left.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from accounts.consents.rows import ConsentRef
from accounts.tools import Pool
from kernel.errors import Unavailable
from kernel.sql import beside

_SQL = beside(__file__, "quota.sql")
_DAY = timedelta(days=1)


class ReadLimit(Unavailable):
    """The bank's limit of reads is reached."""

    code = "bank_read_limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What is read: one account under one consent; the nil UUID for the consent's list of accounts."""

    consent: ConsentRef
    account_id: UUID


class ReadQuota:
    """Counts reads in PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def take(self, counted: Counted, limit: int, now: datetime) -> None:
        """Count a read that begins now. Raises ReadLimit, which says when there is one again."""
        row = (counted.consent.partner_id, counted.consent.consent_id, counted.account_id)
        if await self._pool.fetchval(_SQL["take_read"], *row, now, now - _DAY, limit):
            return
        oldest = await self._pool.fetchval(_SQL["oldest_counted"], *row, now - _DAY, limit)
        seconds = 1 if oldest is None else max(int((oldest + _DAY - now).total_seconds()) + 1, 1)
        raise ReadLimit(
            f"The bank lets this be read {limit} times in 24 hours without its holder (unattended_reads_a_day).",
            retry_after_seconds=seconds,
        )

    async def give_back(self, counted: Counted, at: datetime) -> None:
        """No byte of the read that began then has left."""
        await self._pool.execute(
            _SQL["give_back_read"], counted.consent.partner_id, counted.consent.consent_id, counted.account_id, at
        )
