"""The quotas that banks declare, counted in PostgreSQL for all processes together, before a call is begun.

A quota of n calls in any w seconds is a token bucket whose capacity b and rate r keep b + r·w ≤ n: in no window of w
seconds can more than n calls be begun. A tenth of the quota may come at once; the rest is spread over the window.
"""

from dataclasses import dataclass
from datetime import timedelta

from adapters.declaration import Declaration, OperationKind, Quota
from kernel.sql import beside
from payments.tools import Connection

_SQL = beside(__file__, "quotas.sql")
_AT_ONCE_PART = 10
# A quota that was spent is asked again no sooner: many may wait for the same moment.
_WAIT_SECONDS_MIN = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a quota is kept: `at_once` calls together, and then one each `interval`."""

    at_once: int
    interval: timedelta

    @property
    def tolerance(self) -> timedelta:
        """How far ahead of its interval a call may come."""
        return self.at_once * self.interval


class _Spent(Exception):
    """A quota has no room."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__()
        self.wait_seconds = wait_seconds


def pace_of(quota: Quota) -> Pace:
    """The bucket of a quota."""
    at_once = max(1, quota.requests // _AT_ONCE_PART)
    spread = max(1, quota.requests - at_once)
    return Pace(at_once=at_once, interval=timedelta(seconds=quota.window_seconds) / spread)


def name_of(quota: Quota) -> str:
    """By what its count is kept; another quota of the same bank, or the same one changed, has another."""
    return f"{'+'.join(sorted(quota.kinds))} {quota.requests}/{quota.window_seconds}s"


async def take_from_quotas(
    connection: Connection, bank_id: str, declaration: Declaration, kind: OperationKind
) -> float | None:
    """Count one call of this kind in the caller's transaction, against all quotas that it falls under or none.

    None when it may be made; else the seconds until it may be asked again.
    """
    quotas = [quota for quota in declaration.quotas if kind in quota.kinds]
    if not quotas:
        return None
    try:
        async with connection.transaction():
            for quota in quotas:
                await _take(connection, bank_id, quota)
    except _Spent as spent:
        return spent.wait_seconds
    return None


async def _take(connection: Connection, bank_id: str, quota: Quota) -> None:
    pace, name = pace_of(quota), name_of(quota)
    row = (bank_id, name, pace.interval, pace.tolerance)
    if await connection.fetchval(_SQL["take_from_quota"], *row) is None:
        wait_seconds = await connection.fetchval(_SQL["read_quota_wait"], *row)
        raise _Spent(max(wait_seconds or 0, _WAIT_SECONDS_MIN))
