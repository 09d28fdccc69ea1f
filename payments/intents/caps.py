"""Caps on money: per payment before the intent, per day inside its transaction, where nobody can pass them."""

import hashlib
from datetime import datetime, time

from kernel.errors import Conflict, FieldError
from kernel.ids import first_id_at
from kernel.sql import beside
from payments.intents.planning import Facts
from payments.policy import Caps
from payments.tools import Connection

_SQL = beside(__file__, "caps.sql")


def payment_cap_errors(caps: Caps, value: int) -> list[FieldError]:
    """The error of an amount over the cap per payment."""
    if caps.payment_max is None or value <= caps.payment_max:
        return []
    message = f"at most {caps.payment_max} minor units may be moved at once"
    return [FieldError(pointer="/amount/value", code="over_cap", message=message)]


async def hold_day_caps(connection: Connection, caps: Caps, facts: Facts, now: datetime) -> None:
    """Let nobody else of this partner count until the caller's transaction ends, and count; the payment may be there.

    Raises Conflict `daily_cap_reached`. Without daily caps it costs nothing.
    """
    if caps.partner_day_max is None and caps.merchant_day_max is None:
        return
    await connection.execute(_SQL["lock_day_caps"], _lock_number(facts))
    midnight = datetime.combine(now.date(), time(), now.tzinfo)
    tenant, currency = facts.tenant, facts.amount.currency
    moved = await connection.fetchrow(
        _SQL["sum_day"],
        tenant.partner_id,
        tenant.environment.value,
        first_id_at(midnight),
        currency,
        facts.merchant_id,
        facts.payment_id,
    )
    totals = (0, 0) if moved is None else (moved["by_partner"], moved["by_merchant"])
    for total, limit, whose in zip(totals, (caps.partner_day_max, caps.merchant_day_max), _WHOSE, strict=True):
        if limit is not None and total + facts.amount.value > limit:
            raise Conflict(f"the daily cap of this {whose} is reached", code="daily_cap_reached", action=_ACTION)


_WHOSE = ("partner", "merchant")
_ACTION = "Send the payment after midnight UTC, or ask for a higher cap."


def _lock_number(facts: Facts) -> int:
    """One lock per partner, environment and currency, as the signed 64 bits that PostgreSQL takes."""
    owner = f"{facts.tenant.environment}:{facts.amount.currency}".encode()
    digest = hashlib.sha256(b"payments.caps:" + facts.tenant.partner_id.bytes + owner).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
