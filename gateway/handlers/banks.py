"""Banks as partners see them, and what banks tell us."""

from typing import Any

from gateway.http.call import Call, Reply
from gateway.schemas.pages import page
from gateway.services import Services
from payments.banks import ConfiguredBank


async def list_banks(services: Services, call: Call) -> Reply:
    """There are few: one page."""
    banks = await services.payments.banks(call.caller.tenant.environment)
    return Reply(page([_bank(bank) for bank in banks], None))


async def get_bank(services: Services, call: Call) -> Reply:
    """One bank of the caller's environment."""
    return Reply(_bank(await services.payments.bank(call.caller.tenant.environment, call.path_text("bank_id"))))


async def accept_notification(services: Services, call: Call) -> Reply:
    """Kept, committed, answered; what it means is found out later, so a forged one learns nothing."""
    headers = {name.lower(): value for name, value in call.request.headers.items()}
    await services.inbox.accept(call.path_text("bank_id"), call.raw, headers)
    return Reply({"received": True})


def _bank(configured: ConfiguredBank) -> dict[str, Any]:
    return {
        "id": configured.bank.id,
        "object": "bank",
        "name": configured.name,
        "environment": configured.bank.environment,
        "available": not configured.suspended,
        "currencies": sorted(configured.declaration.currencies),
    }
