"""What banks were asked about one payment and what they said, as somebody on call reads it."""

from collections.abc import Sequence
from uuid import UUID

from adapters.exchanges.history import KeptExchange, open_exchanges
from kernel.errors import NotFound
from kernel.ids import Environment
from kernel.sql import beside
from payments.exchanges.keeping import exchange_context
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
        partner_id = await self._tools.pool.fetchval(_SQL["find_payment"], payment_id, environment.value)
        if partner_id is None:
            raise NotFound
        rows = await self._tools.pool.fetch(_SQL["list_exchanges"], partner_id, payment_id, after, limit)
        return await open_exchanges(self._tools.vault, rows, exchange_context)
