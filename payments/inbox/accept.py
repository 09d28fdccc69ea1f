"""Takes a bank's notification: verified, sealed and committed; nothing else happens before the bank gets its 2xx."""

import hashlib
from collections.abc import Mapping
from uuid import UUID

from prometheus_client import Counter

from adapters.contract import Receipt
from kernel.errors import Forbidden, NotFound
from kernel.ids import NIL, new_id
from kernel.sql import beside
from payments.inbox.refusals import Refusals
from payments.tools import Tools

_SQL = beside(__file__, "inbox.sql")
# Anybody may send what is refused, so not all of it is kept.
_REFUSED_BYTES_MAX = 16_384


class Inbox:
    """The door for bank notifications."""

    def __init__(self, tools: Tools, counted: Counter) -> None:
        """`counted` is payments.inbox.metrics.notification_counter."""
        self._tools = tools
        self._counted = counted
        self._refusals = Refusals(tools.clock)

    async def accept(self, bank_id: str, raw: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Keep a notification; returning means committed. The same one twice is kept once.

        What is returned are the headers that the bank's protocol wants in the answer.

        Raises NotFound for a bank that is not configured or does not notify, Forbidden `bad_signature` for bytes that
        the bank did not sign for us, which tells why; of some of those the beginning is kept, and never applied.
        """
        bank = await self._tools.banks.get(bank_id)
        if not bank.declaration.notifications:
            raise NotFound
        now = self._tools.clock.now()
        lower = {name.lower(): value for name, value in headers.items()}
        receipt = bank.adapter.verify_notification(raw, lower, bank.bank.settings, now)
        if receipt.verified:
            await self._keep(bank_id, raw, receipt)
            return receipt.headers
        self._counted.labels(bank_id, "refused").inc()
        if self._refusals.tell(bank_id, receipt.refused_why):
            await self._keep(bank_id, raw, receipt)
        raise Forbidden(f"the notification is not believed: {receipt.refused_why}", code="bad_signature")

    async def _keep(self, bank_id: str, raw: bytes, receipt: Receipt) -> None:
        now = self._tools.clock.now()
        notification_id = new_id(now)
        key = await self._tools.vault.data_key(NIL)
        kept = raw if receipt.verified else raw[:_REFUSED_BYTES_MAX]
        await self._tools.pool.execute(
            _SQL["insert_notification"],
            bank_id,
            notification_id,
            _dedupe_key(receipt, raw),
            self._tools.vault.seal(key, kept, raw_context(notification_id)),
            receipt.verified,
            receipt.refused_why,
            now,
            now if receipt.verified else None,
            None if receipt.verified else now,
            None if receipt.verified else "refused",
        )


def raw_context(notification_id: UUID) -> bytes:
    """What binds a sealed notification to its row of bank_notifications."""
    return b"bank_notifications.raw:" + notification_id.bytes


def _dedupe_key(receipt: Receipt, raw: bytes) -> bytes:
    """Forged bytes get a key of their own kind, so that they never stand in a true notification's way."""
    source = b"verified:" + receipt.dedupe_key if receipt.verified else b"refused:" + raw
    return hashlib.sha256(source).digest()
