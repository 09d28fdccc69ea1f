"""Beginning a rotation, and looking at those that run."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from kernel.clock import Clock
from kernel.errors import Conflict
from kernel.ids import new_id
from kernel.sealing.vault import Vault
from kernel.sql import Executor, beside

SQL = beside(__file__, "rotation.sql")


async def begin(
    connection: Executor, vault: Vault, clock: Clock, partner_id: UUID, merchant_id: UUID | None = None
) -> int:
    """Give a partner, or one of its merchants, new data keys, in the caller's transaction; how many owners got one.

    The nil UUID as the partner stands for the installation. Raises Conflict while a rotation of the partner runs.
    """
    if await connection.fetchval(SQL["begin"], partner_id, new_id(clock.now())) is None:
        raise Conflict("The keys of this partner are being rotated.", code="rotation_running")
    return await vault.retire(connection, partner_id, merchant_id)


async def running(connection: Executor) -> Sequence[asyncpg.Record]:
    """The rotations under way, oldest first: partner_id, begun_at, pass, column_name, found, resealed."""
    return await connection.fetch(SQL["running"])
