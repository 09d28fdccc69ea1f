"""The types of tenants, remembered, and what an event is checked against before it is written.

`environments.catalogue_version` moves with every change of a type, and where a merchant is erased. An event carries the
version that it was checked under, and a write under any other version refuses it (`CatalogueMoved`), so that it is
checked again: a version whose creation was answered is never missed, by whatever process, and checking takes no place
in the transaction. What is refused without a write asks for the version first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from kernel.errors import FieldError, Unavailable
from kernel.ids import Tenant
from kernel.sealing import SealError, Vault
from kernel.sql import beside
from webhooks.catalogue.model import TypeDocument, document_context
from webhooks.catalogue.schema import Schema, compile_schema
from webhooks.values import value

_SQL = beside(__file__, "memory.sql")
_TENANTS_MAX = 1_000


class CatalogueMoved(Unavailable):
    """The types of events changed while this one was published."""


@value
class Typing:
    """What the catalogue found: the version that the data hold to, under which version of the catalogue.

    Of a type that is not catalogued `version` is None. An event of ours is not checked and has neither.
    """

    version: int | None = None
    catalogue_version: int | None = None


UNTYPED = Typing()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A tenant's catalogue as of one version: the schemas of each type by version, and the version to use for none.

    A schema that does not open any more (its key was destroyed) is None, and holds nothing back.
    """

    version: int
    schemas: Mapping[tuple[str, int], Schema | None] = field(default_factory=dict)
    current: Mapping[str, int] = field(default_factory=dict)


class Catalogue:
    """Checks partners' events. One per process."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault) -> None:
        self._pool = pool
        self._vault = vault
        self._known: dict[Tenant, _Known] = {}

    def version(self, tenant: Tenant) -> int | None:
        """Under which version the tenant's types were learnt; None where they were not."""
        known = self._known.get(tenant)
        return None if known is None else known.version

    async def learn(self, tenant: Tenant) -> int:
        """Load the tenant's types, unless they are known; the version under which they are."""
        known = self._known.get(tenant)
        if known is None:
            rows = await self._pool.fetch(_SQL["load_types"], tenant.partner_id, tenant.environment.value)
            known = self._known[tenant] = await self._load(tenant, rows)
            while len(self._known) > _TENANTS_MAX:
                del self._known[next(iter(self._known))]
        return known.version

    async def has_moved(self, tenant: Tenant) -> bool:
        """Whether the types changed since they were learnt; if so they are forgotten."""
        version = await self._pool.fetchval(_SQL["find_version"], tenant.partner_id, tenant.environment.value)
        if version in (None, self._known.get(tenant, _EMPTY).version):
            return False
        self.forget(tenant)
        return True

    def forget(self, tenant: Tenant) -> None:
        """Load the tenant's types again the next time."""
        self._known.pop(tenant, None)

    def check(self, tenant: Tenant, event_type: str, version: int | None, data: Any) -> Typing | list[FieldError]:
        """The version that the data hold to, or what is wrong. The tenant's types must have been learnt."""
        known = self._known.get(tenant, _EMPTY)
        chosen = version if version is not None else known.current.get(event_type)
        if chosen is None:
            return Typing(catalogue_version=known.version)
        if (event_type, chosen) not in known.schemas:
            message = "must be a version that your catalogue has of this type"
            return [FieldError(pointer="/type_version", code="version_unknown", message=message)]
        schema = known.schemas[event_type, chosen]
        errors = schema.errors(data) if schema is not None else []
        return errors or Typing(version=chosen, catalogue_version=known.version)

    async def _load(self, tenant: Tenant, rows: list[asyncpg.Record]) -> _Known:
        if not rows:
            return _EMPTY
        types = [row for row in rows if row["name"] is not None]
        opened = await self._vault.open_each(
            [
                (tenant.partner_id, row["sealed_document"], document_context(tenant, row["name"], row["version"]))
                for row in types
            ]
        )
        return _Known(
            version=rows[0]["catalogue_version"],
            schemas={
                (row["name"], row["version"]): _compiled(document) for row, document in zip(types, opened, strict=True)
            },
            # Ascending, first the deprecated ones: the last that is written is the one to use.
            current={row["name"]: row["version"] for row in types},
        )


# An environment that does not exist; the matcher says the same of it.
_EMPTY = _Known(version=-1)


def _compiled(document: bytes | SealError) -> Schema | None:
    if isinstance(document, SealError):
        return None
    return compile_schema(TypeDocument.from_bytes(document).schema)
