"""Forgets what stands outside the weekly partitions once it is old: keys of repeats, proofs, manifests, silences."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import asyncpg
import structlog

from kernel.sql import beside

_SQL = beside(__file__, "expired_rows.sql")
# A short transaction each, so that no insert waits for long.
_CHUNK_ROWS = 5_000

_log = structlog.get_logger()


class Kept(StrEnum):
    """What is kept for a number of days; the value is the table."""

    EVENT_KEYS = "event_keys"
    REQUEST_KEYS = "request_keys"
    MANIFESTS = "endpoint_manifests"
    REPLAYS = "replays"
    AUTHORISATIONS = "authorisations"
    SILENCES = "endpoint_silences"
    CONSENTS = "account_consents"
    CONSENT_EXCHANGES = "consent_exchanges"
    NOTIFICATIONS = "bank_notifications"
    PAYMENT_EXCHANGES = "bank_exchanges"
    USED_ASSERTIONS = "used_assertions"


async def delete_expired_rows(
    pool: "asyncpg.Pool[asyncpg.Record]", now: datetime, days: Mapping[Kept, int]
) -> dict[Kept, int]:
    """Delete, chunk by chunk, what is older than so many days; how many rows of each went.

    Safe to run from many processes at once.
    """
    deleted = dict.fromkeys(days, 0)
    for kept, age in days.items():
        while went := await _chunk(pool, kept, now - timedelta(days=age)):
            deleted[kept] += went
    if any(deleted.values()):
        _log.info("rows.expired", **{kept.value: rows for kept, rows in deleted.items()})
    return deleted


async def _chunk(pool: "asyncpg.Pool[asyncpg.Record]", kept: Kept, before: datetime) -> int:
    status = await pool.execute(_SQL[f"delete_{kept}"], before, _CHUNK_ROWS)
    return int(status.removeprefix("DELETE "))
