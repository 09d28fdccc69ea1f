"""An entry of the audit log, written in the transaction of the change that it tells of."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from kernel.sql import beside

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

_SQL = beside(__file__, "entry.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One act.

    `id` is a UUIDv7 made now. `actor` and `target` are our ids as text, `action` is past tense with a dot
    (`endpoint.created`). `detail` holds ids, states and names of changed fields, never what a caller wrote.
    """

    id: UUID
    partner_id: UUID | None
    actor: str
    action: str
    target: str
    request_id: str
    detail: dict[str, Any] = field(default_factory=dict)


async def record(connection: Connection, entry: AuditEntry) -> None:
    """Append the entry, in the caller's transaction."""
    await connection.execute(
        _SQL["append_entry"],
        entry.id,
        entry.partner_id,
        entry.actor,
        entry.action,
        entry.target,
        entry.request_id,
        orjson.dumps(entry.detail).decode(),
    )
