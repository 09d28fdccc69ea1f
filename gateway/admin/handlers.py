"""The admin API's handlers: from calls to changes, from rows to answers."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from adapters.contract import BankSettings
from gateway.admin.banks import BankDifference, NewBank
from gateway.admin.journal import Actor, Row
from gateway.admin.services import AdminServices
from gateway.handlers.banks import health_json
from gateway.http.call import Call, Reply
from gateway.problems.errors import Unauthenticated
from gateway.schemas.admin import BankSettingsAnew, BankSettingsIn
from gateway.schemas.pages import page
from kernel.errors import FieldError, Invalid, NotFound
from kernel.ids import Activity, Environment, Kind, Tenant, from_text, to_text
from kernel.masked import PersonName, Secret
from payments.banks.health import NOTHING_KNOWN, Health
from payments.view import rfc3339


async def create_partner(services: AdminServices, call: Call) -> Reply:
    """A partner with its two environments, of a tier that is configured."""
    await services.limits.check_tier(call.body.tier)
    return Reply(partner_json(await services.parties.add_partner(actor(call), call.body.name, call.body.tier)))


async def list_partners(services: AdminServices, call: Call) -> Reply:
    """Newest first."""
    rows = await services.parties.partners(before(call, Kind.PARTNER), call.query.limit)
    return page_of(call, [partner_json(row) for row in rows])


async def get_partner(services: AdminServices, call: Call) -> Reply:
    """One partner."""
    return Reply(partner_json(await services.parties.partner(partner_id_of(call))))


async def suspend_partner(services: AdminServices, call: Call) -> Reply:
    """Nothing of it is served until it is resumed."""
    return Reply(
        partner_json(await services.parties.set_partner_state(actor(call), partner_id_of(call), Activity.SUSPENDED))
    )


async def resume_partner(services: AdminServices, call: Call) -> Reply:
    """Serve it again."""
    return Reply(
        partner_json(await services.parties.set_partner_state(actor(call), partner_id_of(call), Activity.ACTIVE))
    )


async def create_merchant(services: AdminServices, call: Call) -> Reply:
    """Its name is sealed, and shown masked."""
    environment = Environment(call.body.environment)
    row = await services.parties.add_merchant(actor(call), partner_id_of(call), environment, call.body.name)
    return Reply(merchant_json(row, call.body.name))


async def list_merchants(services: AdminServices, call: Call) -> Reply:
    """Newest first."""
    rows = await services.parties.merchants(partner_id_of(call), before(call, Kind.MERCHANT), call.query.limit)
    names = await services.parties.names(rows)
    return page_of(call, [merchant_json(row, name) for row, name in zip(rows, names, strict=True)])


async def erase_merchant(services: AdminServices, call: Call) -> Reply:
    """For good; its name goes as well."""
    environment, merchant_id = either(call.path_text("merchant_id"), Kind.MERCHANT)
    tenant = Tenant(partner_id_of(call), environment)
    return Reply(merchant_json(await services.parties.erase_merchant(actor(call), tenant, merchant_id), None))


async def create_bank(services: AdminServices, call: Call) -> Reply:
    """Its settings are sealed and not shown again."""
    new = NewBank(
        id=call.body.id,
        adapter=call.body.adapter,
        environment=Environment(call.body.environment),
        name=call.body.name,
        settings=_settings(call.body.settings),
    )
    return await _one_bank(services, await services.banks.add(actor(call), new))


async def list_banks(services: AdminServices, call: Call) -> Reply:  # noqa: ARG001 - there are few banks: one page
    """All of them, each with how it fares."""
    health = await services.public.payments.bank_health()
    return Reply(page([bank_json(row, health) for row in await services.banks.list_all()], None))


async def get_bank(services: AdminServices, call: Call) -> Reply:
    """One bank, of either environment."""
    return await _one_bank(services, await services.banks.get(call.path_text("bank_id")))


async def change_bank(services: AdminServices, call: Call) -> Reply:
    """New settings replace the old ones as a whole."""
    told = call.body.settings
    change = BankDifference(
        name=call.body.name,
        settings=None if told is None else _settings(told),
        dropped=frozenset() if told is None else frozenset(name for name, text in told.secrets.items() if text is None),
    )
    return await _one_bank(services, await services.banks.change(actor(call), call.path_text("bank_id"), change))


async def suspend_bank(services: AdminServices, call: Call) -> Reply:
    """Its payments wait."""
    bank_id = call.path_text("bank_id")
    return await _one_bank(services, await services.banks.set_state(actor(call), bank_id, Activity.SUSPENDED))


async def resume_bank(services: AdminServices, call: Call) -> Reply:
    """Its payments go on."""
    bank_id = call.path_text("bank_id")
    return await _one_bank(services, await services.banks.set_state(actor(call), bank_id, Activity.ACTIVE))


async def list_audit(services: AdminServices, call: Call) -> Reply:
    """Newest first; the cursor is the last row's id."""
    wanted = call.query
    which = (wanted.actor, wanted.target, wanted.action, wanted.since)
    rows = await services.journal.fetch("list_audit", _audit_cursor(call), wanted.limit, *which)
    return page_of(call, [_audit(row) for row in rows])


def actor(call: Call) -> Actor:
    """Who makes this call."""
    if call.admin is None:
        raise Unauthenticated
    return Actor(call.admin.name, call.request_id)


def partner_id_of(call: Call) -> UUID:
    """The partner in the path."""
    return call.path_id("partner_id", Kind.PARTNER, Environment.LIVE)


def either(text: str, kind: Kind) -> tuple[Environment, UUID]:
    """An id of either environment: admins see both. Raises NotFound."""
    test = text.startswith(f"{kind}_test_")
    environment = Environment.TEST if test else Environment.LIVE
    return environment, from_text(kind, text, environment)


def before(call: Call, kind: Kind) -> UUID | None:
    """The id that the page's cursor names. Raises Invalid."""
    try:
        return None if call.query.cursor is None else either(call.query.cursor, kind)[1]
    except NotFound:
        raise _bad_cursor() from None


def _audit_cursor(call: Call) -> UUID | None:
    try:
        return None if call.query.cursor is None else UUID(call.query.cursor)
    except ValueError:
        raise _bad_cursor() from None


def _bad_cursor() -> Invalid:
    message = "Send the next_cursor of the page before, as it is."
    return Invalid([FieldError(pointer="/cursor", code="format", message=message)])


def page_of(call: Call, data: list[dict[str, Any]]) -> Reply:
    """One page; it has a successor if it is full."""
    return Reply(page(data, data[-1]["id"] if len(data) == call.query.limit else None))


def _settings(settings: BankSettingsIn | BankSettingsAnew) -> BankSettings:
    secrets = {name: Secret(value) for name, value in settings.secrets.items() if value is not None}
    return BankSettings(base_url=settings.base_url, secrets=secrets, options=dict(settings.options))


def partner_json(row: Row) -> dict[str, Any]:
    """A partner as it is shown."""
    return {
        "id": to_text(Kind.PARTNER, row["id"]),
        "object": "partner",
        "name": row["name"],
        "tier": row["tier"],
        "state": row["state"],
        "created_at": rfc3339(row["created_at"]),
    }


def owned(row: Row, kind: Kind) -> dict[str, Any]:
    """What everything that belongs to a partner's environment shows."""
    return {
        "id": to_text(kind, row["id"], Environment(row["environment"])),
        "object": kind.name.lower(),
        "partner_id": to_text(Kind.PARTNER, row["partner_id"]),
        "environment": row["environment"],
        "state": row["state"],
        "created_at": rfc3339(row["created_at"]),
    }


def merchant_json(row: Row, name: PersonName | None) -> dict[str, Any]:
    """A merchant as it is shown; no name where its data were erased."""
    return {**owned(row, Kind.MERCHANT), "name": None if name is None else name.masked()}


async def _one_bank(services: AdminServices, row: Row) -> Reply:
    return Reply(bank_json(row, await services.public.payments.bank_health()))


def bank_json(row: Row, health: Mapping[str, Health]) -> dict[str, Any]:
    """A bank as it is shown, with how it fares."""
    plain = {name: row[name] for name in ("id", "adapter", "environment", "name", "state", "version")}
    fares = health_json(health.get(row["id"], NOTHING_KNOWN), suspended=row["state"] == Activity.SUSPENDED)
    return {"object": "bank", **plain, "created_at": rfc3339(row["created_at"]), "health": fares}


def _audit(row: Row) -> dict[str, Any]:
    partner = row["partner_id"]
    return {
        "id": str(row["id"]),
        "at": rfc3339(row["at"]),
        "partner_id": None if partner is None else to_text(Kind.PARTNER, partner),
        "actor": row["actor"],
        "action": row["action"],
        "target": row["target"],
        "request_id": row["request_id"],
        "detail": orjson.loads(row["detail"]),
        "position": row["position"],
        "hash": None if row["hash"] is None else row["hash"].hex(),
    }
