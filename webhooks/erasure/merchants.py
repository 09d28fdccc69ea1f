"""All of one merchant's bodies are erased at once, by destroying the data key that seals them."""

from uuid import UUID

from kernel.ids import Tenant
from kernel.sealing import Vault
from kernel.sql import beside
from webhooks.events.model import Connection

_SQL = beside(__file__, "erasure.sql")


async def erase_merchant(connection: Connection, vault: Vault, tenant: Tenant, merchant_id: UUID) -> bool:
    """Destroy a merchant's data key, in the caller's transaction; False where there was none.

    Its own endpoints are deleted: their settings are sealed with it. What is still to be sent of its events ends as
    `unreadable` when its time comes, at most `key_seconds_max` later. The caller suspends it in the same transaction:
    then no partner's event and no endpoint is taken for it any more. Ours, of earlier payments, get a new key.
    """
    whose = (tenant.partner_id, tenant.environment, merchant_id)
    await connection.execute(_SQL["move_versions"], *whose)
    await connection.execute(_SQL["delete_endpoints"], *whose)
    return await vault.destroy(tenant.partner_id, merchant_id, connection)
