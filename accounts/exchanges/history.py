"""What banks were asked about one consent and what they said, as somebody on call reads it."""

from collections.abc import Sequence
from uuid import UUID

from accounts.exchanges.keeping import exchange_context
from accounts.tools import Tools
from adapters.exchanges.history import KeptExchange, open_exchanges
from kernel.errors import NotFound
from kernel.ids import Environment
from kernel.sql import beside

_SQL = beside(__file__, "exchanges.sql")


class ConsentExchanges:
    """Lists them for the admin port."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def of(
        self, environment: Environment, consent_id: UUID, after: UUID | None, limit: int
    ) -> Sequence[KeptExchange]:
        """The newest, after the one that ended the page before. Raises NotFound for a consent that is not there."""
        partner_id = await self._tools.pool.fetchval(_SQL["find_consent"], consent_id, environment.value)
        if partner_id is None:
            raise NotFound
        rows = await self._tools.pool.fetch(_SQL["list_exchanges"], partner_id, consent_id, after, limit)
        return await open_exchanges(self._tools.vault, rows, exchange_context)
