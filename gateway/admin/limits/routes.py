"""Limits on the admin port."""

from gateway.admin.limits import handlers as do
from gateway.admin.services import AdminServices
from gateway.http.route import Route, admin_family
from gateway.schemas.admin import PartnerOut
from gateway.schemas.limits import (
    ClientLimitsIn,
    OwnedLimitsOut,
    PartnerChange,
    PartnerLimitsIn,
    TierLimitsIn,
    TierOut,
)
from gateway.schemas.pages import Page

_LIMITS = admin_family("limits")
_PARTNERS = admin_family("partners")

LIMIT_ROUTES: tuple[Route[AdminServices], ...] = (
    _LIMITS.get(
        "/admin/v1/limit-tiers", do.list_limit_tiers, "List the tiers with their limits.", response=Page[TierOut]
    ),
    _LIMITS.get("/admin/v1/limit-tiers/{tier}", do.get_limit_tier, "Read one tier.", response=TierOut),
    _LIMITS.put(
        "/admin/v1/limit-tiers/{tier}",
        do.put_limit_tier,
        "Make a tier or change it as a whole, in force everywhere within a second.",
        request=TierLimitsIn,
        response=TierOut,
    ),
    _LIMITS.delete(
        "/admin/v1/limit-tiers/{tier}",
        do.delete_limit_tier,
        "Take back what admins set of a tier: it is as in the settings again, or gone.",
        refuses=("tier_in_use", "tier_of_settings"),
    ),
    _PARTNERS.patch(
        "/admin/v1/partners/{partner_id}",
        do.change_partner,
        "Move a partner to another tier, in force everywhere within a second.",
        request=PartnerChange,
        response=PartnerOut,
    ),
    _LIMITS.get(
        "/admin/v1/partners/{partner_id}/limits",
        do.get_partner_limits,
        "Read what was agreed with a partner in place of its tier's limits, and what is in force.",
        response=OwnedLimitsOut,
    ),
    _LIMITS.put(
        "/admin/v1/partners/{partner_id}/limits",
        do.put_partner_limits,
        "Agree limits with a partner, as a whole; what is left out is its tier's.",
        request=PartnerLimitsIn,
        response=OwnedLimitsOut,
    ),
    _LIMITS.get(
        "/admin/v1/partners/{partner_id}/clients/{client_id}/limits",
        do.get_client_limits,
        "Read what a client has of its own, and what is in force.",
        response=OwnedLimitsOut,
    ),
    _LIMITS.put(
        "/admin/v1/partners/{partner_id}/clients/{client_id}/limits",
        do.put_client_limits,
        "Set one client's limits, as a whole; what is left out is its partner's or its tier's.",
        request=ClientLimitsIn,
        response=OwnedLimitsOut,
    ),
)
