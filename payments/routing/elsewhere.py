"""Another bank for a payment whose bank was chosen by rule: only where this one cannot have it.

That is where no byte left, or where the bank refused in its answer for a reason that is its own and not the payment's.
What may have reached a bank is tried nowhere else.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.contract import Evidence, Reason, Verdict
from kernel.errors import NotFound
from kernel.sql import beside
from payments.banks import ConfiguredBank
from payments.calls.cases import Case
from payments.tools import Connection, Tools

_SQL = beside(__file__, "elsewhere.sql")
# A closed or unknown creditor's account is closed for every bank, and what is forbidden here is not tried there.
_OF_THIS_BANK = frozenset(
    {
        Reason.INSUFFICIENT_FUNDS,
        Reason.AMOUNT_NOT_ALLOWED,
        Reason.AFTER_CUTOFF,
        Reason.BANK_NOT_FOUND,
        Reason.RATE_LIMITED,
        Reason.TECHNICAL,
    }
)


class Elsewhere:
    """Finds the next of the banks that could take the payment when it was made, in the order of that choice."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def after_never_left(self, connection: Connection, case: Case) -> ConfiguredBank | None:
        """The next one that has not refused it; None to stay. Where all were tried it begins anew with the first."""
        return await self._next(connection, case, self._order(case))

    async def after_refusal(self, connection: Connection, case: Case, evidence: Evidence) -> ConfiguredBank | None:
        """The next one that has not refused it; None where there is none, or the reason is not the bank's own."""
        if evidence.verdict is not Verdict.REJECTED or evidence.reason not in _OF_THIS_BANK:
            return None
        return await self._next(connection, case, self._order(case))

    def is_later(self, case: Case, bank: ConfiguredBank) -> bool:
        """Whether this bank comes after the present one in the order, so that it was not tried before it."""
        order = self._order(case)
        return order.index(bank.bank.id) > order.index(case.payment.bank_id)

    async def move(self, connection: Connection, case: Case, bank: ConfiguredBank) -> None:
        """Let the payment be at that bank."""
        ref = case.payment.ref
        await connection.execute(_SQL["move_to_bank"], ref.partner_id, ref.payment_id, bank.bank.id)

    @staticmethod
    def _order(case: Case) -> Sequence[str]:
        routing = case.background.facts.terms.routing
        order = [] if routing is None else eligible(routing)
        return order if case.payment.bank_id in order else []

    async def _next(self, connection: Connection, case: Case, order: Sequence[str]) -> ConfiguredBank | None:
        if len(order) < 2 or case.authorisation is not None:
            return None
        ref, place = case.payment.ref, order.index(case.payment.bank_id)
        rows = await connection.fetch(_SQL["list_refused_banks"], ref.partner_id, ref.payment_id)
        refused = {row["bank_id"] for row in rows}
        for bank_id in (*order[place + 1 :], *order[:place]):
            if bank_id not in refused and (bank := await self._usable(bank_id)) is not None:
                return bank
        return None

    async def _usable(self, bank_id: str) -> ConfiguredBank | None:
        """A bank that sends payers out is not one for a payment that is on its way already."""
        try:
            bank = await self._tools.banks.get(bank_id)
        except NotFound:
            return None
        return None if bank.suspended or bank.declaration.sends_payers else bank


def eligible(routing: Mapping[str, Any]) -> list[str]:
    """The banks that could take the payment, the best first (payments/routing/rule.py)."""
    return [each["bank_id"] for each in routing["considered"] if each["eligible"]]
