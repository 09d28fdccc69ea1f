"""The endpoints of claims: their rows read anew for every batch, what is under their seals opened once a while."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from kernel.clock import Clock
from kernel.masked import Secret
from kernel.sealing import SealError, Vault
from kernel.sealing.expiring import ExpiringCache
from kernel.sql import Queries
from webhooks.endpoints.model import EndpointSettings, client_certificate_context, secret_context, settings_context
from webhooks.health.lanes import lane_of, mode_of
from webhooks.health.model import EndpointKey
from webhooks.queue.port import Lane
from webhooks.sending.model import SigningKey
from webhooks.sending.schedule import Schedule
from webhooks.states import EndpointState, PayloadForm, SignatureScheme

_OPENED_SECONDS = 30.0
_LAST_SECONDS = 1.0
_OPENED_MAX = 20_000
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedEndpoint:
    """What was under an endpoint's seals."""

    url: str
    headers: dict[str, str]
    signing_keys: tuple[SigningKey, ...]
    client_certificate: Secret | None
    schedule: Schedule | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedEndpoint:
    """An endpoint as it is now; `opened` may be the reason why it does not open, or None where it has no key."""

    state: EndpointState
    version: int
    is_thin: bool
    failing_since: datetime | None
    lane: Lane
    opened: OpenedEndpoint | SealError | None


class EndpointLoader:
    """Loads the endpoints of a batch. Opened values are remembered by what seals them, which never changes."""

    def __init__(self, vault: Vault, clock: Clock, queries: Queries, schedule: Schedule) -> None:
        self._vault = vault
        self._queries = queries
        self._schedule = schedule
        self._opened = ExpiringCache[tuple[object, ...], OpenedEndpoint](clock, _OPENED_SECONDS, _OPENED_MAX)
        # A row that is as it was makes the same endpoint: comparing costs a tenth of making.
        self._last = ExpiringCache[UUID, tuple[asyncpg.Record, LoadedEndpoint]](clock, _LAST_SECONDS, _OPENED_MAX)

    async def rows(self, connection: Connection, keys: Iterable[EndpointKey]) -> list[asyncpg.Record]:
        """The rows; a deleted endpoint still has one."""
        partners, endpoints = zip(*keys, strict=True)
        return await connection.fetch(self._queries["load_endpoints"], partners, endpoints)

    async def loaded(self, rows: Sequence[asyncpg.Record]) -> dict[UUID, LoadedEndpoint]:
        """What the rows say, opened; by endpoint."""
        return {row["id"]: await self._load(row) for row in rows}

    async def _load(self, row: asyncpg.Record) -> LoadedEndpoint:
        last = self._last.get(row["id"])
        if last is not None and last[0] == row:
            return last[1]
        loaded = _loaded(row, await self._open(row))
        if isinstance(loaded.opened, OpenedEndpoint):
            self._last.put(row["id"], (row, loaded))
        return loaded

    async def _open(self, row: asyncpg.Record) -> OpenedEndpoint | SealError | None:
        if not row["sealed_keys"]:
            return None
        place = (
            row["sealed_settings"],
            row["sealed_client_certificate"],
            tuple(row["sealed_keys"]),
            tuple(row["schedule_seconds"] or ()),
        )
        known = self._opened.get(place)
        if known is None:
            opened = await self._vault.open_each(_sealed(row))
            errors = [item for item in opened if isinstance(item, SealError)]
            if errors:
                return errors[0]
            known = self._endpoint(row, [item for item in opened if isinstance(item, bytes)])
            self._opened.put(place, known)
        return known

    def _endpoint(self, row: asyncpg.Record, opened: Sequence[bytes]) -> OpenedEndpoint:
        count = len(row["key_ids"])
        settings, keys, certificates = (
            EndpointSettings.from_bytes(opened[0]),
            opened[1 : count + 1],
            opened[count + 1 :],
        )
        return OpenedEndpoint(
            url=settings.url,
            headers=dict(settings.headers),
            signing_keys=tuple(
                SigningKey(scheme=SignatureScheme(scheme), secret=Secret(key.decode()))
                for scheme, key in zip(row["schemes"], keys, strict=True)
            ),
            client_certificate=Secret(certificates[0].decode()) if certificates else None,
            schedule=self._own_schedule(row["schedule_seconds"]),
        )

    def _own_schedule(self, seconds: Sequence[int] | None) -> Schedule | None:
        if not seconds:
            return None
        usual = self._schedule
        return Schedule(
            delays_seconds=tuple(seconds),
            jitter_share=usual.jitter_share,
            jitter_seconds_max=usual.jitter_seconds_max,
        )


def _sealed(row: asyncpg.Record) -> list[tuple[UUID, bytes, bytes]]:
    """Settings, then the keys, then the client certificate if there is one, as the vault takes them."""
    partner_id, endpoint_id = row["partner_id"], row["id"]
    sealed = [(partner_id, row["sealed_settings"], settings_context(endpoint_id))]
    for key_id, sealed_key in zip(row["key_ids"], row["sealed_keys"], strict=True):
        sealed.append((partner_id, sealed_key, secret_context(key_id)))
    if row["sealed_client_certificate"] is not None:
        sealed.append((partner_id, row["sealed_client_certificate"], client_certificate_context(endpoint_id)))
    return sealed


def _loaded(row: asyncpg.Record, opened: OpenedEndpoint | SealError | None) -> LoadedEndpoint:
    state = EndpointState(row["state"])
    mode = mode_of(state, is_paused=row["paused_at"] is not None, is_held=row["held_at"] is not None)
    return LoadedEndpoint(
        state=state,
        version=row["version"],
        is_thin=row["payload"] == PayloadForm.THIN,
        failing_since=row["failing_since"],
        lane=lane_of(row, row["id"], mode),
        opened=opened,
    )
