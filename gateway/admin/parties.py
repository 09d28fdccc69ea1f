"""Partners and their merchants, as admins make and steer them."""

from collections.abc import Sequence
from uuid import UUID

from accounts.erasure import erase_consents
from gateway.admin.journal import Actor, Change, Journal, Row
from kernel.audit import Connection
from kernel.errors import Conflict, NotFound
from kernel.ids import Activity, Environment, Kind, Tenant, to_text
from kernel.masked import PersonName
from kernel.sealing import KeyDestroyed, SealError, Vault
from payments.recovery.reports import CAN_BE_LAST
from payments.states.names import FINAL_STATUSES
from webhooks.erasure.merchants import erase_merchant


class Parties:
    """Every change leaves its audit row.

    Lists go from the newest; `before` is the last id of the page before, and no limit is all.
    """

    def __init__(self, journal: Journal, vault: Vault) -> None:
        self._journal = journal
        self._vault = vault

    async def add_partner(self, actor: Actor, name: str, tier: str) -> Row:
        """A partner with a test and a live environment."""
        identifier = self._journal.new_id()
        change = Change(
            query="add_partner",
            arguments=(identifier, name, tier),
            action="partner.created",
            target=to_text(Kind.PARTNER, identifier),
            partner_id=identifier,
            detail={"tier": tier},
        )
        return _found(await self._journal.change(actor, change))

    async def partners(self, before: UUID | None, limit: int | None) -> Sequence[Row]:
        """A page of partners."""
        return await self._journal.fetch("list_partners", before, limit)

    async def partner(self, partner_id: UUID) -> Row:
        """One partner. Raises NotFound."""
        rows = await self._journal.fetch("find_partner", partner_id)
        return _found(rows[0] if rows else None)

    async def set_partner_state(self, actor: Actor, partner_id: UUID, state: Activity) -> Row:
        """Suspend or resume; in force everywhere within a second."""
        change = Change(
            query="set_partner_state",
            arguments=(partner_id, state),
            action=_ACTIONS[state],
            target=to_text(Kind.PARTNER, partner_id),
            partner_id=partner_id,
        )
        return _found(await self._journal.change(actor, change))

    async def add_merchant(self, actor: Actor, partner_id: UUID, environment: Environment, name: PersonName) -> Row:
        """A merchant; its name is sealed under its own key."""
        identifier = self._journal.new_id()
        key = await self._vault.data_key(partner_id, identifier)
        sealed = self._vault.seal(key, name.reveal().encode(), merchant_context(identifier))
        change = Change(
            query="add_merchant",
            arguments=(partner_id, identifier, environment, sealed),
            action="merchant.created",
            target=to_text(Kind.MERCHANT, identifier, environment),
            partner_id=partner_id,
            detail={"environment": environment},
        )
        return _found(await self._journal.change(actor, change))

    async def merchants(self, partner_id: UUID, before: UUID | None, limit: int | None) -> Sequence[Row]:
        """A page of a partner's merchants, their names still sealed."""
        return await self._journal.fetch("list_merchants", partner_id, before, limit)

    async def names(self, merchants: Sequence[Row]) -> list[PersonName | None]:
        """The names of merchants, opened; None for one whose data were erased."""
        sealed = [(row["partner_id"], row["sealed_name"], merchant_context(row["id"])) for row in merchants]
        return [_name(opened) for opened in await self._vault.open_each(sealed)]

    async def erase_merchant(self, actor: Actor, tenant: Tenant, merchant_id: UUID) -> Row:
        """Suspend a merchant and destroy its data key: all that was sealed for it is erased for good.

        Raises NotFound; Conflict (`payments_open`) while a payment of the merchant may still need its terms.
        """

        async def erase(connection: Connection) -> None:
            final = [status.value for status in FINAL_STATUSES | CAN_BE_LAST]
            if await self._journal.ask(connection, "has_open_payments", tenant.partner_id, merchant_id, final):
                raise Conflict("Payments of this merchant have not ended.", code="payments_open")
            await erase_consents(connection, tenant, merchant_id, self._journal.now())
            await erase_merchant(connection, self._vault, tenant, merchant_id)

        change = Change(
            query="set_merchant_state",
            arguments=(tenant.partner_id, merchant_id, tenant.environment, Activity.SUSPENDED),
            action="merchant.erased",
            target=to_text(Kind.MERCHANT, merchant_id, tenant.environment),
            partner_id=tenant.partner_id,
        )
        return _found(await self._journal.change(actor, change, erase))


def merchant_context(merchant_id: UUID) -> bytes:
    """What binds a merchant's sealed name to its row."""
    return b"merchants.name:" + merchant_id.bytes


_ACTIONS = {
    Activity.ACTIVE: "partner.resumed",
    Activity.SUSPENDED: "partner.suspended",
}


def _name(opened: bytes | SealError) -> PersonName | None:
    if isinstance(opened, SealError) and not isinstance(opened, KeyDestroyed):
        raise opened
    return None if isinstance(opened, SealError) else PersonName(opened.decode())


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFound
    return row
