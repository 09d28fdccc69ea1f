"""Where a refund would go: the payer's account, as their bank told it under their consent. For the partner alone."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from adapters.contract import Account, Evidence
from kernel.sealing import KeyDestroyed, SealError
from kernel.sql import beside
from payments.calls.cases import Case
from payments.rows import Row
from payments.tools import Connection, Tools

_SQL = beside(__file__, "refund_accounts.sql")


async def keep(connection: Connection, tools: Tools, case: Case, evidence: Evidence) -> None:
    """Keep the account that believed evidence told, once, sealed under the merchant's key."""
    if evidence.refund_account is None:
        return
    partner_id, submission_id = case.payment.tenant.partner_id, case.submission.id
    key = await tools.vault.data_key(partner_id, case.payment.merchant_id)
    plain = orjson.dumps(_revealed(evidence.refund_account))
    sealed = tools.vault.seal(key, plain, refund_account_context(submission_id))
    await connection.execute(_SQL["keep_refund_account"], partner_id, submission_id, sealed)


async def opened(tools: Tools, rows: Sequence[Row]) -> Mapping[UUID, Mapping[str, Any]]:
    """The accounts by payment, of rows of payments with their newest submission; none of an erased merchant."""
    told = [row for row in rows if row["sealed_refund_account"] is not None]
    sealed = [
        (row["partner_id"], row["sealed_refund_account"], refund_account_context(row["submission_id"])) for row in told
    ]
    found = {}
    for row, one in zip(told, await tools.vault.open_each(sealed), strict=True):
        if isinstance(one, SealError) and not isinstance(one, KeyDestroyed):
            raise one
        if isinstance(one, bytes):
            found[row["id"]] = orjson.loads(one)
    return found


def refund_account_context(submission_id: UUID) -> bytes:
    """What binds a sealed refund account to its row of submissions."""
    return b"submissions.refund_account:" + submission_id.bytes


def _revealed(account: Account) -> dict[str, str]:
    """What there is of it: this is the one place where it leaves its types."""
    iban, number = account.iban, account.account_number
    parts = {
        "iban": None if iban is None else iban.reveal(),
        "sort_code": account.sort_code,
        "routing_number": account.routing_number,
        "account_number": None if number is None else number.reveal(),
    }
    return {name: each for name, each in parts.items() if each is not None}
