"""What banks were asked about one consent and what they said, as somebody on call reads it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.exchanges.keeping import exchange_context
from accounts.tools import Tools
from adapters.contract import Exchange
from kernel.errors import NotFound
from kernel.ids import Environment
from kernel.sealing import SealError
from kernel.sql import beside

_SQL = beside(__file__, "exchanges.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentExchange:
    """One call; `exchange` is None once the merchant's data were erased."""

    id: UUID
    kind: str
    at: datetime
    outcome: str
    status_code: int | None
    duration_us: int
    exchange: Exchange | None = field(repr=False)


class ExchangeHistory:
    """Lists them for the admin port."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def of(
        self, environment: Environment, consent_id: UUID, after: UUID | None, limit: int
    ) -> Sequence[ConsentExchange]:
        """The newest, after the one that ended the page before. Raises NotFound for a consent that is not there."""
        partner_id = await self._tools.pool.fetchval(_SQL["find_consent"], consent_id, environment.value)
        if partner_id is None:
            raise NotFound
        rows = await self._tools.pool.fetch(_SQL["list_exchanges"], partner_id, consent_id, after, limit)
        sealed = [(partner_id, row["sealed_exchange"], exchange_context(row["id"])) for row in rows]
        opened = await self._tools.vault.open_each(sealed)
        return [_shown(row, each) for row, each in zip(rows, opened, strict=True)]


def _shown(row: Any, opened: bytes | SealError) -> ConsentExchange:
    plain = {name: row[name] for name in ("at", "outcome", "status_code", "duration_us")}
    exchange = None if isinstance(opened, SealError) else Exchange.from_bytes(opened, **plain)
    return ConsentExchange(id=row["id"], kind=row["kind"], exchange=exchange, **plain)
