"""What banks were asked about one payment and what they said, as somebody on call reads it."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from adapters.exchanges.history import KeptExchange, open_exchanges
from kernel.errors import NotFound
from kernel.ids import Environment
from kernel.masked import Masked
from kernel.sealing import SealError
from kernel.sql import beside
from payments.exchanges.keeping import exchange_context
from payments.terms import Terms, context
from payments.tools import Tools

_SQL = beside(__file__, "exchanges.sql")


class PaymentExchanges:
    """Lists them for the admin port."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def of(
        self, environment: Environment, payment_id: UUID, after: UUID | None, limit: int
    ) -> Sequence[KeptExchange]:
        """The newest, after the one that ended the page before. Raises NotFound for a payment that is not there."""
        found = await self._tools.pool.fetchrow(_SQL["find_payment"], payment_id, environment.value)
        if found is None:
            raise NotFound
        rows = await self._tools.pool.fetch(_SQL["list_exchanges"], found["partner_id"], payment_id, after, limit)
        known = await self._persons(found, payment_id)
        return await open_exchanges(self._tools.vault, rows, exchange_context, known)

    async def _persons(self, found: asyncpg.Record, payment_id: UUID) -> tuple[Masked, ...]:
        """Whom the payment names; nobody where the merchant's data were erased, and the exchanges with them."""
        [opened] = await self._tools.vault.open_each(
            [(found["partner_id"], found["sealed_terms"], context(payment_id))]
        )
        return () if isinstance(opened, SealError) else Terms.from_json(opened).persons
