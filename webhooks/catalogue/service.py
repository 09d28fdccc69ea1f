"""Types of events as their owners manage them. Every change moves the version and is audited in its transaction."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import asyncpg

from kernel.audit import record
from kernel.clock import Clock
from kernel.errors import Conflict, FieldError, Invalid, NotFound
from kernel.ids import Tenant
from kernel.sealing import Vault
from kernel.sql import beside
from webhooks.catalogue.examples import NoExample, example_of
from webhooks.catalogue.model import CatalogueRules, EventType, TypeDocument, TypeVersion, document_context
from webhooks.catalogue.schema import compile_schema
from webhooks.endpoints.model import Caller
from webhooks.events.model import Connection

_SQL = beside(__file__, "service.sql")
DESCRIPTION_LENGTH_MAX = 1_000


class EventTypes:
    """The catalogue of a tenant: its own types, and ours (`builtin`), which it can only read."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        vault: Vault,
        clock: Clock,
        builtin: Mapping[str, EventType],
        rules: CatalogueRules | None = None,
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._builtin = builtin
        self._rules = rules or CatalogueRules()

    async def create(self, caller: Caller, name: str, document: TypeDocument) -> EventType:
        """A new type with its version 1; `name` is a type that partners may publish.

        Raises Invalid for a wrong document, and Conflict (`event_type_exists`, `event_types_full`).
        """
        _check(document)
        async with self._pool.acquire() as connection, connection.transaction():
            await self._move(connection, caller.tenant)
            row = await connection.fetchrow(
                _SQL["count_types"], caller.tenant.partner_id, caller.tenant.environment, name
            )
            if row and row["is_there"]:
                action = "Add a version to it instead."
                raise Conflict("There is such a type already.", code="event_type_exists", action=action)
            if row and row["types"] >= self._rules.types_max:
                message = f"There are {self._rules.types_max} types already, as many as there may be."
                raise Conflict(message, code="event_types_full")
            version = await self._insert(connection, caller, name, 1, document)
        return EventType(name=name, versions=(version,))

    async def add_version(self, caller: Caller, name: str, document: TypeDocument) -> EventType:
        """The next version of a type; events that name none are checked against it from now on.

        Raises NotFound, Invalid for a wrong document, and Conflict (`versions_full`).
        """
        _check(document)
        tenant = caller.tenant
        async with self._pool.acquire() as connection, connection.transaction():
            await self._move(connection, tenant)
            last = await connection.fetchval(_SQL["last_version"], tenant.partner_id, tenant.environment, name)
            if last is None:
                raise NotFound
            if last >= self._rules.versions_max:
                message = f"The type has {self._rules.versions_max} versions already, as many as there may be."
                raise Conflict(message, code="versions_full")
            await self._insert(connection, caller, name, last + 1, document)
        return await self.get(tenant, name)

    async def deprecate(self, caller: Caller, name: str, version: int, *, is_deprecated: bool) -> EventType:
        """Mark a version, or take the mark away: events that name no version use another one. Raises NotFound."""
        tenant = caller.tenant
        async with self._pool.acquire() as connection, connection.transaction():
            await self._move(connection, tenant)
            found = await connection.fetchval(
                _SQL["deprecate_version"], tenant.partner_id, tenant.environment, name, version, is_deprecated
            )
            if found is None:
                raise NotFound
            await self._audit(connection, caller, "event_type.changed", name, version)
        return await self.get(tenant, name)

    async def list(self, tenant: Tenant) -> tuple[EventType, ...]:
        """Ours first, then the tenant's own by name."""
        return (*self._builtin.values(), *await self._load(tenant, None))

    async def get(self, tenant: Tenant, name: str) -> EventType:
        """One type. Raises NotFound."""
        found = (self._builtin[name],) if name in self._builtin else await self._load(tenant, name)
        if not found:
            raise NotFound
        return found[0]

    async def example(self, tenant: Tenant, event_type: str) -> dict[str, Any] | None:
        """The data of an example event; None for a type in nobody's catalogue, or whose schema gives no example."""
        try:
            return example_of((await self.get(tenant, event_type)).current.document.schema)
        except (NotFound, NoExample):
            return None

    async def _load(self, tenant: Tenant, name: str | None) -> tuple[EventType, ...]:
        rows = await self._pool.fetch(_SQL["list_versions"], tenant.partner_id, tenant.environment, name)
        opened = await self._vault.open_many(
            [
                (tenant.partner_id, row["sealed_document"], document_context(tenant, row["name"], row["version"]))
                for row in rows
            ]
        )
        versions = [_version(row, plaintext) for row, plaintext in zip(rows, opened, strict=True)]
        named = groupby(zip(rows, versions, strict=True), key=lambda pair: pair[0]["name"])
        return tuple(EventType(name=name, versions=tuple(version for _, version in pairs)) for name, pairs in named)

    async def _insert(
        self, connection: Connection, caller: Caller, name: str, version: int, document: TypeDocument
    ) -> TypeVersion:
        tenant = caller.tenant
        key = await self._vault.data_key(tenant.partner_id)
        sealed = self._vault.seal(key, document.to_bytes(), document_context(tenant, name, version))
        created_at = await connection.fetchval(
            _SQL["insert_version"], tenant.partner_id, tenant.environment, name, version, sealed
        )
        await self._audit(connection, caller, "event_type.version_added", name, version)
        return TypeVersion(version=version, document=document, created_at=created_at)

    async def _move(self, connection: Connection, tenant: Tenant) -> None:
        await connection.execute(_SQL["move_version"], tenant.partner_id, tenant.environment)

    async def _audit(self, connection: Connection, caller: Caller, action: str, name: str, version: int) -> None:
        detail = {"environment": caller.tenant.environment.value, "version": version}
        await record(connection, caller.entry(self._clock.now(), action, f"event_type:{name}", **detail))


def _check(document: TypeDocument) -> None:
    errors = []
    if len(document.description) > DESCRIPTION_LENGTH_MAX or "\0" in document.description:
        message = f"must have {DESCRIPTION_LENGTH_MAX} characters at most, none of them NUL"
        errors.append(FieldError(pointer="/description", code="length", message=message))
    try:
        compile_schema(document.schema)
    except ValueError as error:
        errors.append(FieldError(pointer="/schema", code="schema_invalid", message=str(error)))
    if errors:
        raise Invalid(errors, "The type has fields that are not valid.")


def _version(row: asyncpg.Record, plaintext: bytes) -> TypeVersion:
    return TypeVersion(
        version=row["version"],
        document=TypeDocument.from_bytes(plaintext),
        is_deprecated=row["is_deprecated"],
        created_at=row["created_at"],
    )
