"""Claims become what can be sent: one query per batch, one opening of all seals, and the rest is told why not."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.ids import NIL, Environment, Tenant, first_id_at, time_of
from kernel.masked import Secret
from kernel.sealing import KeyEncryptionKeyMissing, SealError, Vault
from kernel.sealing.expiring import ExpiringCache
from kernel.sql import beside
from webhooks.dispatch.outcome import Outcome, Reason, Sendable, cause_of
from webhooks.endpoints.model import EndpointSettings, secret_context, settings_context
from webhooks.events.model import body_context
from webhooks.queue.port import Claim, Finish, Retry
from webhooks.sending.model import LoadedDelivery
from webhooks.states import DeliveryState, EndpointState

_SQL = beside(__file__, "loading.sql")
_DAY = timedelta(days=1)
_OPENED_SECONDS = 30.0
_OPENED_MAX = 20_000
# A key-encryption key that is not configured is an operator's matter; no step is used up by it.
_KEY_MISSING_DELAY_MS = 60_000

# A sealed value as the vault takes it: whose, the bytes, and what binds them to their row.
_Sealed = tuple[UUID, bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedBatch:
    """`sendable` are to be sent; `outcomes` end without a send; `finishes` no longer match their row."""

    sendable: list[Sendable]
    outcomes: list[Outcome]
    finishes: list[Finish]


class Loader:
    """Loads and opens. What many deliveries share (an endpoint's settings and secrets) is opened once a while."""

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: Clock, timeout_seconds: float
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._timeout_seconds = timeout_seconds
        self._shared = ExpiringCache[bytes, bytes](clock, _OPENED_SECONDS, _OPENED_MAX)

    async def load(self, claims: Sequence[Claim]) -> LoadedBatch:
        """Raises what the database's driver raises."""
        rows = await self._rows(claims)
        batch = LoadedBatch(sendable=[], outcomes=[], finishes=[])
        matching: list[tuple[Claim, asyncpg.Record]] = []
        for claim in claims:
            row = rows.get(claim.job.delivery_id)
            if row is None or not _matches(claim, row):
                batch.finishes.append(Finish(claim=claim, retry=_present(row)))
            elif (reason := _unsendable(row)) is not None:
                batch.outcomes.append(Outcome(claim=claim, state=DeliveryState.UNDELIVERED, reason=reason))
            else:
                matching.append((claim, row))
        await self._open_all(matching, batch)
        return batch

    async def _rows(self, claims: Sequence[Claim]) -> dict[UUID, asyncpg.Record]:
        ids = [claim.job.delivery_id for claim in claims]
        async with (
            asyncio.timeout(self._timeout_seconds),
            self._pool.acquire() as connection,
            connection.transaction(readonly=True),
        ):
            await connection.execute(_SQL["plan_now"])
            partners = [claim.job.partner_id for claim in claims]
            rows = await connection.fetch(_SQL["load_deliveries"], partners, ids, *id_bounds(ids))
        return {row["id"]: row for row in rows}

    async def _open_all(self, matching: Sequence[tuple[Claim, asyncpg.Record]], batch: LoadedBatch) -> None:
        opened = await self._opened(list({value[2]: value for _, row in matching for value in _sealed(row)}.values()))
        for claim, row in matching:
            errors = [error for _, _, context in _sealed(row) if isinstance(error := opened[context], SealError)]
            if any(isinstance(error, KeyEncryptionKeyMissing) for error in errors):
                batch.finishes.append(release(claim, _KEY_MISSING_DELAY_MS))
            elif errors:
                batch.outcomes.append(Outcome(claim=claim, state=DeliveryState.DEAD, reason=Reason.UNREADABLE))
            else:
                batch.sendable.append(_sendable(claim, row, opened))

    async def _opened(self, sealed: Sequence[_Sealed]) -> dict[bytes, bytes | SealError]:
        """Plaintexts by context. Settings and secrets may be remembered, by what seals them: that never changes."""
        known = self._shared.get_many(value for _, value, _ in sealed)
        opened: dict[bytes, bytes | SealError] = {context: known[v] for _, v, context in sealed if v in known}
        missing = [value for value in sealed if value[2] not in opened]
        for value, plaintext in zip(missing, await self._vault.open_each(missing), strict=True):
            opened[value[2]] = plaintext
            if not value[2].startswith(b"events.") and isinstance(plaintext, bytes):
                self._shared.put(value[1], plaintext)
        return opened


def release(claim: Claim, delay_ms: int) -> Finish:
    """Give a claim back unsent: the same step, with the origin that it had."""
    job = claim.job
    return Finish(claim=claim, retry=Retry(round=job.round, step=job.step, delay_ms=delay_ms, origin=job.origin))


def id_bounds(ids: Sequence[UUID]) -> tuple[UUID, UUID]:
    """Between which ids these deliveries and their events lie: a delivery's id carries its event's time, nearly."""
    return first_id_at(time_of(min(ids)) - _DAY), first_id_at(time_of(max(ids)) + _DAY)


def _matches(claim: Claim, row: asyncpg.Record) -> bool:
    job = claim.job
    return row["state"] == DeliveryState.PENDING and (row["round"], row["step"]) == (job.round, job.step)


def _present(row: asyncpg.Record | None) -> Retry | None:
    """Where a delivery is that its job no longer matches; None if nothing is to be sent."""
    if row is None or row["state"] != DeliveryState.PENDING:
        return None
    return Retry(round=row["round"], step=row["step"], delay_ms=row["delay_ms"] or 0)


def _unsendable(row: asyncpg.Record) -> Reason | None:
    if row["sealed_body"] is None or not row["sealed_secrets"]:
        return Reason.UNREADABLE
    if row["endpoint_state"] == EndpointState.ENABLED:
        return None
    return Reason.ENDPOINT_DISABLED if row["endpoint_state"] == EndpointState.DISABLED else Reason.ENDPOINT_DELETED


def _sealed(row: asyncpg.Record) -> Iterator[_Sealed]:
    partner_id = row["partner_id"]
    yield partner_id, row["sealed_body"], body_context(row["event_id"])
    yield partner_id, row["sealed_settings"], settings_context(row["endpoint_id"])
    for secret_id, sealed_secret in zip(row["secret_ids"], row["sealed_secrets"], strict=True):
        yield partner_id, sealed_secret, secret_context(secret_id)


def _sendable(claim: Claim, row: asyncpg.Record, opened: Mapping[bytes, bytes | SealError]) -> Sendable:
    body, settings_bytes, *secrets = (bytes(opened[context]) for _, _, context in _sealed(row))  # type: ignore[arg-type]
    settings = EndpointSettings.from_bytes(settings_bytes)
    job = claim.job
    return Sendable(
        claim=claim,
        owner_id=row["merchant_id"] or NIL,
        concurrency=row["concurrency"],
        is_failing=row["is_failing"],
        delivery=LoadedDelivery(
            tenant=Tenant(row["partner_id"], Environment(row["environment"])),
            delivery_id=row["id"],
            event_id=row["event_id"],
            endpoint_id=row["endpoint_id"],
            endpoint_version=row["version"],
            url=settings.url,
            secrets=tuple(Secret(secret.decode()) for secret in secrets),
            body=body,
            round=job.round,
            step=job.step,
            cause=cause_of(job.origin, job.round, job.step),
            headers=settings.headers,
        ),
    )
