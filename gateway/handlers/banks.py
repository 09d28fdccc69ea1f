"""Banks as partners see them, and what banks tell us."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.checks import recommended_fields, required_fields
from adapters.declaration import Declaration, FieldLimit
from gateway.http.call import Call, Reply
from gateway.schemas.pages import page
from gateway.schemas.payments.accepted import accepted
from gateway.services import Services
from payments.banks import ConfiguredBank
from payments.banks.health import NOTHING_KNOWN, Health
from payments.view import rfc3339


async def list_banks(services: Services, call: Call) -> Reply:
    """There are few: one page."""
    banks = await services.payments.banks(call.caller.tenant.environment)
    health = await services.payments.bank_health()
    return Reply(page([_bank(bank, health.get(bank.bank.id, NOTHING_KNOWN)) for bank in banks], None))


async def get_bank(services: Services, call: Call) -> Reply:
    """One bank of the caller's environment."""
    bank = await services.payments.bank(call.caller.tenant.environment, call.path_text("bank_id"))
    health = await services.payments.bank_health()
    return Reply(_bank(bank, health.get(bank.bank.id, NOTHING_KNOWN)))


async def accept_notification(services: Services, call: Call) -> Reply:
    """Kept, committed, answered; what it means is found out later, so a forged one learns nothing."""
    headers = {name.lower(): value for name, value in call.request.headers.items()}
    told = await services.inbox.accept(call.path_text("bank_id"), call.raw, headers)
    return Reply({"received": True}, headers=told)


async def accept_event_notification(services: Services, call: Call) -> Reply:
    """The same at the other address; its version says nothing that the notification does not say itself."""
    return await accept_notification(services, call)


def _bank(configured: ConfiguredBank, health: Health) -> dict[str, Any]:
    return {
        "id": configured.bank.id,
        "object": "bank",
        "name": configured.name,
        "environment": configured.bank.environment,
        "available": not configured.suspended,
        "currencies": sorted(configured.declaration.currencies),
        "capabilities": _capabilities(configured.declaration, configured.bank.settings.options),
        "health": health_json(health, suspended=configured.suspended),
    }


def _field(pointer: str, limit: FieldLimit) -> dict[str, Any]:
    return {
        "pointer": pointer,
        "min_length": limit.min_length,
        "max_length": limit.max_length,
        "charset": limit.charset,
    }


def _wanted(fields: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    return [{"pointer": pointer, "requests": list(requests)} for pointer, requests in fields.items()]


def _capabilities(declared: Declaration, options: Mapping[str, str]) -> dict[str, Any]:
    return {
        "protocol": declared.title,
        "rails": sorted(declared.rails_at(options)),
        "operations": sorted(declared.operations),
        "notifications": declared.notifications,
        "accounts": sorted(declared.accounts),
        "currencies": [
            {
                "currency": code,
                "exponent": rule.exponent,
                "value_min": rule.value_min,
                "value_max": rule.value_max,
            }
            for code, rule in sorted(declared.currencies.items())
        ],
        "fields": [_field(pointer, accepted(pointer, limit)) for pointer, limit in sorted(declared.fields.items())],
        "required": _wanted(required_fields(declared)),
        "recommended": _wanted(recommended_fields(declared)),
        "reads": sorted(declared.reads),
        "unattended_reads_a_day": declared.unattended_reads_a_day,
        "quotas": [
            {"operations": sorted(quota.kinds), "requests": quota.requests, "window_seconds": quota.window_seconds}
            for quota in declared.quotas
        ],
        "cut_offs": [
            {"currency": each.currency, "at": each.at, "time_zone": each.time_zone} for each in declared.cut_offs
        ],
        "recovery": {kind.value: strategy.value for kind, strategy in sorted(declared.recovery.items())},
        "enquiry_keys": [key.value for key in declared.enquiry_keys],
        "idempotency_window_seconds": declared.idempotency.window_seconds if declared.idempotency else None,
        "absence_proven_after_seconds": declared.absence_proven_after_seconds,
        "last_word": declared.last_word.value,
        "silent_after_seconds": declared.silent_after_seconds,
    }


def health_json(health: Health, *, suspended: bool) -> dict[str, Any]:
    """How a bank fares, as it is shown."""
    return {
        "state": health.condition(suspended=suspended).value,
        "calls": health.calls,
        "failures": health.failures,
        "error_share": round(health.failures / health.calls, 3) if health.calls else None,
        "paused_until": None if health.shut_until is None else rfc3339(health.shut_until),
        "window_seconds": health.window_seconds,
    }
