"""What is left of consents when a merchant's data are erased."""

from datetime import datetime
from uuid import UUID

from accounts.tools import Connection
from kernel.ids import Tenant
from kernel.sql import beside

_SQL = beside(__file__, "erasure.sql")


async def erase_consents(connection: Connection, tenant: Tenant, merchant_id: UUID, now: datetime) -> None:
    """End the merchant's consents in the transaction that destroys its key; what was read under them is unreadable.

    Their banks are still told: that needs the bank's id of the consent, which is no secret, and no access. Nobody is
    sent an event about it: the merchant is gone.
    """
    await connection.execute(_SQL["revoke_consents"], tenant.partner_id, tenant.environment.value, merchant_id, now)
    await connection.execute(_SQL["delete_accounts"], tenant.partner_id, tenant.environment.value, merchant_id)
