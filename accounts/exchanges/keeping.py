"""What is kept of a call: enough to tell what the bank said, and nothing that opens something or is the holder's own.

The engine has masked credentials already. Here go the address and the browser of the person, what follows the host in
addresses (one of them lets its bearer act for the holder), and what was read of an account.
"""

import re
from dataclasses import replace
from typing import Any
from uuid import UUID

from accounts.consents.hear import Heard
from accounts.consents.rows import ConsentRow
from accounts.tools import Tools
from adapters.contract import Exchange
from adapters.contract.accounts import ReadingKind
from kernel.ids import new_id
from kernel.sealing import DataKey
from kernel.sql import Executor, beside

_SQL = beside(__file__, "exchanges.sql")
_MASK = "••••"
_PERSONAL = frozenset(
    {"psu-ip-address", "psu-ip-port", "psu-user-agent", "x-fapi-customer-ip-address", "x-customer-user-agent"}
)
# What follows the host of an address, also as JSON may write it, with its slashes escaped.
_ADDRESS = re.compile(rb'(https?:(?:\\?/){2}[^\s"<>?#/\\]+)(?:\\?/|[?#])[^\s"<>]*')
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
    head = {
        name: _without_person(value) if name.endswith("headers") else value for name, value in exchange.head.items()
    }
    return replace(
        exchange,
        head=head,
        request_body=_hosts_only(exchange.request_body),
        reply_body=_hosts_only(reply[:_REPLY_BYTES_MAX]),
    )


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


def _without_person(headers: Any) -> dict[str, str]:
    return {name: _MASK if name.lower() in _PERSONAL else _plain(value) for name, value in headers.items()}


def _plain(value: str) -> str:
    return _hosts_only(value.encode()).decode()


def _hosts_only(text: bytes) -> bytes:
    return _ADDRESS.sub(rb"\1/" + _MASK.encode(), text)
