"""Keeps what was said with a bank, sealed under the key of the payment's merchant."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.contract import Exchange
from adapters.declaration import OperationKind
from kernel.ids import new_id
from kernel.sql import beside
from payments.calls.cases import Case
from payments.tools import Connection, Tools

_SQL = beside(__file__, "exchanges.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One call: of what kind, and in the course of which operation, for a question belongs to what it asks about."""

    kind: OperationKind
    operation_id: UUID
    exchange: Exchange


async def keep(connection: Connection, tools: Tools, case: Case, called: Called) -> None:
    """Keep one call with the bank, in the caller's transaction."""
    exchange_id, *values = await exchange_values(tools, case, called.exchange)
    await connection.execute(
        _SQL["insert_exchange"],
        case.payment.tenant.partner_id,
        exchange_id,
        called.operation_id,
        *values,
        called.kind.value,
    )


async def exchange_values(
    tools: Tools, case: Case, exchange: Exchange
) -> tuple[UUID, datetime, str, int | None, int, bytes]:
    """An exchange's id, time, outcome, status code, microseconds, and itself, sealed."""
    exchange_id = new_id(exchange.at)
    key = await tools.vault.data_key(case.payment.tenant.partner_id, case.payment.merchant_id)
    sealed = tools.vault.seal(key, exchange.to_bytes(), exchange_context(exchange_id))
    return exchange_id, exchange.at, exchange.outcome, exchange.status_code, exchange.duration_us, sealed


def exchange_context(exchange_id: UUID) -> bytes:
    """What binds a sealed exchange to its row of bank_exchanges."""
    return b"bank_exchanges.exchange:" + exchange_id.bytes
