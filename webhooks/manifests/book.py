"""The manifests of an endpoint, for reading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import asyncpg

from kernel.errors import NotFound
from kernel.ids import Tenant
from kernel.sql import beside
from webhooks.endpoints.keys.published import jwk
from webhooks.manifests.document import Manifest, read
from webhooks.reading.cursor import invalid_cursor

_SQL = beside(__file__, "book.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedManifest:
    """A manifest, its document, and the public key (JWK) that verifies it, also after the key was replaced."""

    manifest: Manifest
    document: str
    key: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestPage:
    """Manifests, newest first, and the cursor of the next page, None after the last."""

    manifests: tuple[SignedManifest, ...]
    next_cursor: str | None


def no_manifest() -> NotFound:
    """Of what is no day, of a day that has none, and of an endpoint that is none."""
    return NotFound(
        "There is no manifest of this day, or no such endpoint.",
        action="Name the endpoint, and a day as YYYY-MM-DD from the one on which it was made; a day's manifest appears "
        "ten to twenty minutes after its end (UTC).",
    )


class ManifestBook:
    """Reads them."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def list(self, tenant: Tenant, endpoint_id: UUID, cursor: str | None, limit: int) -> ManifestPage:
        """A page. Raises NotFound, and Invalid for a cursor that is not this list's."""
        endpoint = (tenant.partner_id, endpoint_id, tenant.environment)
        rows = await self._pool.fetch(_SQL["list_manifests"], *endpoint, _day(cursor), limit + 1)
        if not rows:
            raise NotFound
        days = [row for row in rows if row["day"] is not None]
        shown = days[:limit]
        return ManifestPage(
            manifests=await self._signed(tenant, endpoint_id, [row["document"] for row in shown]),
            next_cursor=shown[-1]["day"].isoformat() if len(days) > limit else None,
        )

    async def get(self, tenant: Tenant, endpoint_id: UUID, day: date) -> SignedManifest:
        """One day's. Raises NotFound."""
        endpoint = (tenant.partner_id, endpoint_id, tenant.environment)
        document = await self._pool.fetchval(_SQL["get_manifest"], *endpoint, day)
        if document is None:
            raise no_manifest()
        return (await self._signed(tenant, endpoint_id, [document]))[0]

    async def _signed(self, tenant: Tenant, endpoint_id: UUID, documents: Sequence[str]) -> tuple[SignedManifest, ...]:
        rows = await self._pool.fetch(_SQL["public_keys"], tenant.partner_id, endpoint_id)
        keys = [jwk(row["id"], row["public_key"], tenant.environment) for row in rows]
        by_id = {key["kid"]: key for key in keys}
        read_ones = [(document, *read(document)) for document in documents]
        return tuple(
            SignedManifest(manifest=manifest, document=document, key=by_id[key_id])
            for document, key_id, manifest in read_ones
        )


def _day(cursor: str | None) -> date | None:
    if cursor is None:
        return None
    try:
        day = date.fromisoformat(cursor)
    except ValueError:
        raise invalid_cursor() from None
    if day.isoformat() != cursor:
        raise invalid_cursor()
    return day
