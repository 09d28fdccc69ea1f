"""Making the manifests of the days that are over, endpoint by endpoint, also of days that were missed.

A day ends before the first number whose event was taken after midnight; whatever comes with a later number belongs to
a later day, so the ranges of an endpoint's days follow each other without gap or overlap.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import asyncpg
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kernel.clock import Clock
from kernel.ids import NIL, Environment, Kind, first_id_at, to_text
from kernel.sealing import SealError, Vault
from kernel.sql import beside
from webhooks.endpoints.keys.store import add_key, fetch_live, new_key, open_signing
from webhooks.endpoints.rows import EndpointOwner
from webhooks.events.model import Connection
from webhooks.manifests.document import Manifest, SequenceDigest, digest_of, sign
from webhooks.sending.signing import ed25519_key_of
from webhooks.states import SignatureScheme

_SQL = beside(__file__, "maker.sql")
_DAY = timedelta(days=1)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestPolicy:
    """How often it looks, and how much it reads at once.

    A day is over `grace_seconds` after midnight, when the transactions from before it have ended.
    """

    interval_seconds: float = 300
    grace_seconds: float = 600
    endpoints_per_page: int = 100
    rows_per_page: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """The numbers of one day."""

    first: int
    last: int
    count: int
    digest: bytes


class ManifestMaker:
    """Makes them. Any number of processes may have one; one at a time works."""

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: Clock, policy: ManifestPolicy | None = None
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._policy = policy or ManifestPolicy()
        self._done: date | None = None

    async def run_once(self) -> int:
        """Make every manifest that is missing; how many were made. Another process that is at it is left alone."""
        last_day = (self._clock.now() - timedelta(seconds=self._policy.grace_seconds)).date() - _DAY
        if last_day == self._done:
            return 0
        made, is_complete = 0, True
        async for row in self._due(last_day):
            try:
                days = await self._catch_up(row)
            except SealError as error:
                _log.warning("manifest.unsigned", endpoint_id=str(row["id"]), error=type(error).__name__)
                continue
            if days is None:
                is_complete = False
                break
            made += days
        self._done = last_day if is_complete else self._done
        if made:
            _log.info("manifests.made", made=made, until=last_day.isoformat())
        return made

    async def _due(self, last_day: date) -> AsyncIterator[asyncpg.Record]:
        after = (NIL, NIL)
        while True:
            rows = await self._pool.fetch(_SQL["due_endpoints"], *after, last_day, self._policy.endpoints_per_page)
            for row in rows:
                yield row
            if len(rows) < self._policy.endpoints_per_page:
                return
            after = (rows[-1]["partner_id"], rows[-1]["id"])

    async def _catch_up(self, row: asyncpg.Record) -> int | None:
        """Every missing day of an endpoint, each in a transaction of its own. None if another process leads."""
        made, day = 0, row["next_day"]
        while day <= row["until_day"]:
            async with self._pool.acquire() as connection, connection.transaction():
                if not await connection.fetchval(_SQL["lead"]):
                    return None
                await connection.execute(_SQL["plan_by_index"])
                made += await self._make(connection, row, day)
            day += _DAY
        return made

    async def _make(self, connection: Connection, row: asyncpg.Record, day: date) -> int:
        """Nothing is written before the last number was read: a transaction that writes holds up the feed's readers."""
        last = await connection.fetchrow(_SQL["last_manifest"], row["partner_id"], row["id"])
        if last is not None and last["day"] >= day:
            return 0
        environment = Environment(row["environment"])
        numbers = await self._range(connection, row, day, 0 if last is None else last["last_sequence"])
        manifest = Manifest(
            endpoint_id=to_text(Kind.ENDPOINT, row["id"], environment),
            day=day,
            count=numbers.count,
            first_sequence=numbers.first,
            last_sequence=numbers.last,
            digest=numbers.digest.hex(),
            previous=None if last is None else digest_of(last["document"]),
            made_at=self._clock.now(),
        )
        key_id, key = await self._key(connection, row)
        document = sign(manifest, key, to_text(Kind.SECRET, key_id, environment))
        await connection.execute(
            _SQL["insert_manifest"],
            row["partner_id"],
            row["id"],
            day,
            numbers.first,
            numbers.last,
            numbers.digest,
            document,
            manifest.made_at,
        )
        return 1

    async def _range(self, connection: Connection, row: asyncpg.Record, day: date, after: int) -> _Range:
        """The numbers after the last manifest's, as far as the day goes, a page at a time."""
        digest, reached, environment = SequenceDigest(), after, Environment(row["environment"])
        end = first_id_at(datetime.combine(day + _DAY, datetime.min.time(), UTC))
        while True:
            page = await connection.fetch(
                _SQL["next_numbers"], row["partner_id"], row["id"], reached, self._policy.rows_per_page
            )
            for number in page:
                if number["id"] >= end:
                    return _Range(first=after + 1, last=reached, count=digest.count, digest=digest.digest())
                reached = number["sequence"]
                digest.add(reached, to_text(Kind.EVENT, number["event_id"], environment))
            if len(page) < self._policy.rows_per_page:
                return _Range(first=after + 1, last=reached, count=digest.count, digest=digest.digest())

    async def _key(self, connection: Connection, row: asyncpg.Record) -> tuple[UUID, Ed25519PrivateKey]:
        """The endpoint's current v1a key; one that has none yet gets it now."""
        keys = [
            key
            for key in await fetch_live(connection, row["partner_id"], row["id"])
            if key["scheme"] == SignatureScheme.V1A
        ]
        if keys:
            opened = await open_signing(self._vault, row["partner_id"], keys[:1])
            return keys[0]["id"], ed25519_key_of(opened[0].secret)
        fresh = new_key(SignatureScheme.V1A, self._clock.now())
        owner = EndpointOwner(row["partner_id"], row["merchant_id"], row["id"])
        await add_key(connection, self._vault, owner, fresh)
        return fresh.id, ed25519_key_of(fresh.secret)
