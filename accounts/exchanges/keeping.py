"""What is kept of a call: enough to tell what the bank said, and nothing that opens something or is the holder's own.

The engine has masked credentials already. Here go what adapters/exchanges/masking.py says, and what was read of an
account.
"""

from dataclasses import replace
from uuid import UUID

from accounts.consents.hear import Heard
from accounts.consents.rows import ConsentRow
from accounts.tools import Tools
from adapters.contract import Exchange
from adapters.contract.accounts import ReadingKind
from adapters.exchanges.masking import without_person
from kernel.ids import new_id
from kernel.sealing import DataKey
from kernel.sql import Executor, beside

_SQL = beside(__file__, "exchanges.sql")
_HOLDINGS = frozenset({ReadingKind.ACCOUNTS, ReadingKind.BALANCES, ReadingKind.TRANSACTIONS})
_REPLY_BYTES_MAX = 16_384


def exchange_context(exchange_id: UUID) -> bytes:
    """What binds a sealed exchange to its row of consent_exchanges."""
    return b"consent_exchanges.exchange:" + exchange_id.bytes


def kept(kind: ReadingKind, heard: Heard) -> Exchange | None:
    """The exchange as it is sealed; None for a call that was never made.

    Of an answer that brought what is in an account only its length is kept, of another one its first 16 KiB.
    """
    exchange = heard.exchange
    if exchange is None:
        return None
    was_read = kind in _HOLDINGS and heard.reading.trouble is None
    reply = f"({len(exchange.reply_body)} bytes, not kept)".encode() if was_read else exchange.reply_body
    return without_person(replace(exchange, reply_body=reply[:_REPLY_BYTES_MAX]))


class Exchanges:
    """Keeps exchanges, sealed under the key of the consent's merchant."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def keep(
        self, executor: Executor, consent: ConsentRow, kind: ReadingKind, heard: Heard, key: DataKey
    ) -> None:
        """Keep the exchange of one call, if there was one: in the caller's transaction, or by itself."""
        exchange = kept(kind, heard)
        if exchange is None:
            return
        exchange_id = new_id(exchange.at)
        await executor.execute(
            _SQL["insert_exchange"],
            consent.tenant.partner_id,
            exchange_id,
            consent.id,
            kind.value,
            exchange.at,
            exchange.outcome,
            exchange.status_code,
            exchange.duration_us,
            self._tools.vault.seal(key, exchange.to_bytes(), exchange_context(exchange_id)),
        )
