"""Rows with a sealed value in any of the columns that may hold one, and what stands in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
from prometheus_client import CollectorRegistry

from kernel.clock import Clock
from kernel.ids import NIL, new_id
from kernel.sealing import ERASED, SealError, Vault
from kernel.sealing.rotation.columns import SealedColumn
from kernel.sealing.rotation.rotation import begin
from kernel.sealing.rotation.walker import RotationWalker, WalkMetrics, WalkPolicy
from tests.support.keys import StaticKeys
from threadneedle.roles.sealed_columns import SEALED_COLUMNS

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
# What the rules of a table, or of a column, ask of a row beside its sealed value.
_FITTING = {
    "oauth_clients.sealed_credentials": {"authentication": "'private_key_jwt'"},
    "oauth_clients.sealed_binding_certificates": {"secret_digest": "'\\x00'", "token_binding": "'mtls'"},
    "submissions": {"end_to_end_id": "gen_random_uuid()::text"},
    "authorisations": {"state_digest": "uuid_send(gen_random_uuid())"},
    "account_consents": {"state_digest": "uuid_send(gen_random_uuid())"},
}
# What a column of each type holds where the test does not care.
_FILL = {
    "uuid": "gen_random_uuid()",
    "timestamptz": "now()",
    "bytea": "'\\x00'",
    "jsonb": "'{}'",
    "bool": "false",
    "bpchar": "'GBP'",
    "_text": "'{}'",
}
FAST = WalkPolicy(rows_per_second=1e9, rows_per_portion=3, settle_seconds=0)


@dataclass(slots=True, kw_only=True)
class Shelf:
    """Sealed values in a database, and what each must open to."""

    pool: Pool
    clock: Clock
    values: list[tuple[SealedColumn, UUID, UUID, Mapping[str, Any], bytes]] = field(default_factory=list)

    def vault(self, keys: StaticKeys | None = None) -> Vault:
        """A vault that knows no key yet, as a new process has one."""
        return Vault(self.pool, keys or StaticKeys(), self.clock)

    def walker(self, policy: WalkPolicy = FAST, pool: Any = None) -> RotationWalker:
        """A walker, as the worker has one."""
        metrics = WalkMetrics.registered(CollectorRegistry())
        return RotationWalker(pool or self.pool, self.vault(), SEALED_COLUMNS, metrics, policy)

    async def put(self, column: SealedColumn, partner_id: UUID, merchant_id: UUID, vault: Vault | None = None) -> None:
        """A row of the column's table, its value sealed for an owner."""
        vault, owner = vault or self.vault(), (partner_id, merchant_id) if column.is_partners else (NIL, NIL)
        key = {name: self._key_part(name, kind) for name, kind in column.key.items()}
        row = {**key, "partner_id": owner[0]}
        plain = f"{column.name} {len(self.values)}".encode() * 20
        sealed = vault.seal(await vault.data_key(*owner), plain, column.context(row))
        given = {**key, column.column: sealed, **({"partner_id": owner[0]} if column.is_partners else {})}
        await self._insert(column, given)
        self.values.append((column, owner[0], owner[1], row, plain))

    def _key_part(self, name: str, kind: str) -> Any:
        if kind == "uuid":
            return new_id(self.clock.now())
        return {"environment": "test", "version": len(self.values) + 1}.get(name, f"name-{len(self.values)}")

    async def _insert(self, column: SealedColumn, given: Mapping[str, Any]) -> None:
        columns = await self.pool.fetch(
            "SELECT column_name AS name, udt_name AS type FROM information_schema.columns"
            " WHERE table_name = $1 AND is_nullable = 'NO' AND column_default IS NULL",
            column.table,
        )
        fill = {row["name"]: await self._filling(row["type"]) for row in columns if row["name"] not in given}
        fill |= _FITTING.get(column.table, {}) | _FITTING.get(column.name, {})
        names = ", ".join([*given, *fill])
        values = ", ".join([*(f"${n}" for n in range(1, len(given) + 1)), *fill.values()])
        await self.pool.execute(f"INSERT INTO {column.table} ({names}) VALUES ({values})", *given.values())  # noqa: S608

    async def _filling(self, kind: str) -> str:
        if kind in _FILL:
            return _FILL[kind]
        label = await self.pool.fetchval(
            "SELECT enumlabel FROM pg_enum WHERE enumtypid = to_regtype($1) ORDER BY enumsortorder LIMIT 1", kind
        )
        return f"'{label}'" if label else "'1'"

    async def stored(self, column: SealedColumn, row: Mapping[str, Any]) -> bytes:
        """A value as it lies in the database."""
        places = " AND ".join(f"{name}::text = ${n}" for n, name in enumerate(column.key, start=1))
        query = f"SELECT {column.column} FROM {column.table} WHERE {places}"  # noqa: S608 - our own names
        value: bytes = await self.pool.fetchval(query, *(str(row[name]) for name in column.key))
        return value

    async def opened(self) -> list[bytes | SealError]:
        """What all values open to in a new process."""
        items = [
            (partner, await self.stored(column, row), column.context(row)) for column, partner, _, row, _ in self.values
        ]
        return await self.vault().open_each(items)

    async def is_whole(self) -> bool:
        """Whether every value opens to what it was."""
        return await self.opened() == [plain for *_, plain in self.values]

    async def rotate(self, partner_id: UUID, merchant_id: UUID | None = None) -> int:
        """Begin a rotation."""
        async with self.pool.acquire() as connection, connection.transaction():
            return await begin(connection, self.vault(), self.clock, partner_id, merchant_id)

    async def is_rotating(self) -> bool:
        """Whether one is under way."""
        return bool(await self.pool.fetchval("SELECT count(*) FROM key_rotations WHERE ended_at IS NULL"))

    async def finish(self, walker: RotationWalker | None = None) -> None:
        """Walk until no rotation is under way."""
        walker = walker or self.walker()
        for _ in range(1_000):
            await walker.run_once()
            if not await self.is_rotating():
                return
        raise AssertionError("the rotation does not end")

    async def erased_row(self, column: SealedColumn, partner_id: UUID) -> Mapping[str, Any]:
        """A row whose value was overwritten on purpose."""
        key = {name: self._key_part(name, kind) for name, kind in column.key.items()}
        await self._insert(column, {**key, column.column: ERASED, "partner_id": partner_id})
        return key
