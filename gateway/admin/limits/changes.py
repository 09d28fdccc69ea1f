"""Limits as admins change them: tiers, and what a partner or a client has of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gateway.admin.journal import Actor, Change, Journal, Row
from gateway.limits.live.rows import LimitRow, by_owner, own_of, rows_of
from gateway.limits.policy import LimitPolicy, Own, Tier
from kernel.audit import Connection
from kernel.errors import Conflict, FieldError, Invalid, NotFound
from kernel.ids import Kind, Tenant, to_text

_NOTHING = Own()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTier:
    """A tier as it is in force, and whether an admin set it or the settings."""

    name: str
    limits: Tier
    by_admin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedLimits:
    """What a partner or client has of its own beside its tier, and what comes of both."""

    tier: str
    own: Own
    in_force: Tier


class LimitChanges:
    """Every change leaves its audit row, and moves the number that makes every process read the limits again."""

    def __init__(self, journal: Journal, policy: LimitPolicy) -> None:
        self._journal = journal
        self._policy = policy

    async def tiers(self) -> list[KnownTier]:
        """All of them, by name."""
        changed = by_owner(await self._journal.fetch("list_tier_limits"), "tier")
        policy = self._policy.with_tiers({name: self._policy.tier(name).with_own(own) for name, own in changed.items()})
        return [
            KnownTier(name=name, limits=tier, by_admin=name in changed) for name, tier in sorted(policy.tiers.items())
        ]

    async def tier(self, name: str) -> KnownTier:
        """One tier. Raises NotFound."""
        found = [tier for tier in await self.tiers() if tier.name == name]
        if not found:
            raise NotFound
        return found[0]

    async def check_tier(self, name: str) -> None:
        """Raises Invalid for a tier that nobody has made."""
        names = [tier.name for tier in await self.tiers()]
        if name not in names:
            message = f"Expected one of: {', '.join(names)}."
            raise Invalid([FieldError(pointer="/tier", code="unknown_value", message=message)])

    async def put_tier(self, actor: Actor, name: str, limits: Tier) -> KnownTier:
        """Make a tier, or change it as a whole."""
        rows = rows_of(limits)
        change = Change(
            query="put_tier_limits",
            arguments=(name, *_columns(rows)),
            action="limit_tier.changed",
            target=name,
            detail={"limits": _detail(rows)},
        )
        await self._journal.change(actor, change)
        return KnownTier(name=name, limits=limits, by_admin=True)

    async def delete_tier(self, actor: Actor, name: str) -> None:
        """Take back what admins set of a tier.

        Raises NotFound where there is no such tier, Conflict where it is the settings' alone, or would be gone and
        partners are of it.
        """

        async def check(connection: Connection) -> None:
            known = name in self._policy.tiers
            if not known and await self._journal.ask(connection, "has_partners_of_tier", name):
                raise Conflict("Partners are of this tier; move them to another one first.", code="tier_in_use")

        change = Change(query="delete_tier_limits", arguments=(name,), action="limit_tier.deleted", target=name)
        if await self._journal.change(actor, change, check) is None:
            if name in self._policy.tiers:
                raise Conflict("This tier is as the settings say; admins set nothing of it.", code="tier_of_settings")
            raise NotFound

    async def move_partner(self, actor: Actor, partner_id: UUID, tier: str) -> Row:
        """Give a partner another tier. Raises NotFound, Invalid for a tier that nobody has made."""
        await self.check_tier(tier)
        change = Change(
            query="set_partner_tier",
            arguments=(partner_id, tier),
            action="partner.tier_changed",
            target=to_text(Kind.PARTNER, partner_id),
            partner_id=partner_id,
            detail={"tier": tier},
        )
        return _found(await self._journal.change(actor, change))

    async def of_partner(self, partner_id: UUID) -> OwnedLimits:
        """What was agreed with a partner. Raises NotFound."""
        owner = _first(await self._journal.fetch("find_partner_owner", partner_id))
        return await self._owned(owner["tier"], await self._own(partner_id, partner_id), _NOTHING)

    async def of_client(self, tenant: Tenant, client_id: UUID) -> OwnedLimits:
        """What a client has of its own, on top of what its partner has. Raises NotFound."""
        owner = _first(await self._journal.fetch("find_client_owner", tenant.partner_id, client_id, tenant.environment))
        agreed = await self._own(tenant.partner_id, tenant.partner_id)
        return await self._owned(owner["tier"], await self._own(tenant.partner_id, client_id), agreed)

    async def put_partner(self, actor: Actor, partner_id: UUID, own: Own) -> OwnedLimits:
        """Change what was agreed with a partner, as a whole. Raises NotFound."""
        rows = rows_of(own)
        change = Change(
            query="put_partner_limits",
            arguments=(partner_id, *_columns(rows)),
            action="partner.limits_changed",
            target=to_text(Kind.PARTNER, partner_id),
            partner_id=partner_id,
            detail={"limits": _detail(rows)},
        )
        _found(await self._journal.change(actor, change))
        return await self.of_partner(partner_id)

    async def put_client(self, actor: Actor, tenant: Tenant, client_id: UUID, own: Own) -> OwnedLimits:
        """Change what a client has of its own, as a whole. Raises NotFound."""
        rows = rows_of(own)
        change = Change(
            query="put_client_limits",
            arguments=(tenant.partner_id, client_id, tenant.environment, *_columns(rows)),
            action="client.limits_changed",
            target=to_text(Kind.CLIENT, client_id, tenant.environment),
            partner_id=tenant.partner_id,
            detail={"limits": _detail(rows)},
        )
        _found(await self._journal.change(actor, change))
        return await self.of_client(tenant, client_id)

    async def _own(self, partner_id: UUID, owner_id: UUID) -> Own:
        rows = await self._journal.fetch("list_own_limits", partner_id, owner_id)
        return own_of((row["name"], row["capacity"], row["rate_per_second"]) for row in rows)

    async def _owned(self, tier: str, own: Own, agreed: Own) -> OwnedLimits:
        tiers = {known.name: known.limits for known in await self.tiers()}
        limits = self._policy.with_tiers(tiers).tier(tier)
        return OwnedLimits(tier=tier, own=own, in_force=limits.with_own(agreed).with_own(own))


def _columns(rows: Sequence[LimitRow]) -> tuple[list[str], list[int], list[float | None]]:
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def _detail(rows: Sequence[LimitRow]) -> Mapping[str, Any]:
    return {
        name: {"capacity": capacity} | ({} if rate is None else {"rate_per_second": rate})
        for name, capacity, rate in rows
    }


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFound
    return row


def _first(rows: Sequence[Row]) -> Row:
    return _found(rows[0] if rows else None)
