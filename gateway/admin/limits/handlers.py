"""Limits on the admin port: from calls to changes and back."""

import re
from typing import Any
from uuid import UUID

from gateway.admin.handlers import actor, either, partner_json
from gateway.admin.limits.changes import KnownTier, OwnedLimits
from gateway.admin.services import AdminServices
from gateway.http.call import Call, Reply
from gateway.limits.gcra import Bucket
from gateway.limits.policy import BUCKET_NAMES, Own, Tier
from gateway.schemas.limits import BucketIn, ClientLimitsIn, TierLimitsIn
from gateway.schemas.pages import page
from kernel.errors import NotFound
from kernel.ids import Environment, Kind, Tenant

_TIER_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


async def list_limit_tiers(services: AdminServices, call: Call) -> Reply:  # noqa: ARG001 - there are few: one page
    """By name."""
    return Reply(page([_tier(tier) for tier in await services.limits.tiers()], None))


async def get_limit_tier(services: AdminServices, call: Call) -> Reply:
    """One tier."""
    return Reply(_tier(await services.limits.tier(call.path_text("tier"))))


async def put_limit_tier(services: AdminServices, call: Call) -> Reply:
    """All of its limits at once."""
    limits = Tier(buckets=_buckets(call.body), concurrency=call.body.concurrency)
    return Reply(_tier(await services.limits.put_tier(actor(call), _tier_name(call), limits)))


async def delete_limit_tier(services: AdminServices, call: Call) -> Reply:
    """What admins set of it is taken back."""
    await services.limits.delete_tier(actor(call), _tier_name(call))
    return Reply()


async def change_partner(services: AdminServices, call: Call) -> Reply:
    """Move it to another tier."""
    return Reply(partner_json(await services.limits.move_partner(actor(call), _partner_id(call), call.body.tier)))


async def get_partner_limits(services: AdminServices, call: Call) -> Reply:
    """What was agreed, and what is in force."""
    return Reply(_owned(await services.limits.of_partner(_partner_id(call))))


async def put_partner_limits(services: AdminServices, call: Call) -> Reply:
    """What is left out is its tier's again."""
    return Reply(_owned(await services.limits.put_partner(actor(call), _partner_id(call), _own(call.body))))


async def get_client_limits(services: AdminServices, call: Call) -> Reply:
    """What it has of its own, and what is in force."""
    return Reply(_owned(await services.limits.of_client(*_client(call))))


async def put_client_limits(services: AdminServices, call: Call) -> Reply:
    """What is left out is its partner's or its tier's again."""
    return Reply(_owned(await services.limits.put_client(actor(call), *_client(call), _own(call.body))))


def _tier_name(call: Call) -> str:
    """Raises NotFound for what can be no tier's name."""
    name = call.path_text("tier")
    if _TIER_NAME.fullmatch(name) is None:
        raise NotFound
    return name


def _partner_id(call: Call) -> UUID:
    return call.path_id("partner_id", Kind.PARTNER, Environment.LIVE)


def _client(call: Call) -> tuple[Tenant, UUID]:
    environment, client_id = either(call.path_text("client_id"), Kind.CLIENT)
    return Tenant(_partner_id(call), environment), client_id


def _own(body: ClientLimitsIn) -> Own:
    return Own(buckets=_buckets(body), concurrency=body.concurrency)


def _buckets(body: ClientLimitsIn | TierLimitsIn) -> dict[str, Bucket]:
    sent: dict[str, BucketIn | None] = {name: getattr(body, name, None) for name in BUCKET_NAMES}
    return {
        name: Bucket(capacity=bucket.capacity, rate_per_second=bucket.rate_per_second)
        for name, bucket in sent.items()
        if bucket is not None
    }


def _tier(tier: KnownTier) -> dict[str, Any]:
    set_by = "admin" if tier.by_admin else "settings"
    return {"object": "limit_tier", "name": tier.name, "set_by": set_by, "limits": _limits(tier.limits)}


def _owned(limits: OwnedLimits) -> dict[str, Any]:
    own = _limits(limits.own)
    return {"object": "limits", "tier": limits.tier, "own": own, "in_force": _limits(limits.in_force)}


def _limits(limits: Tier | Own) -> dict[str, Any]:
    buckets = {
        name: {"capacity": bucket.capacity, "rate_per_second": bucket.rate_per_second}
        for name, bucket in limits.buckets.items()
    }
    return buckets | ({} if limits.concurrency is None else {"concurrency": limits.concurrency})
