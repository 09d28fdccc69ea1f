"""Takes every payment whose time has come, whatever its state, bank by bank, so that no bank waits for another."""

from collections.abc import Sequence
from uuid import UUID

from kernel.sql import beside
from kernel.tasks.sweeping import Claims, KeyedSweeper
from payments.calls.advance import Advancer
from payments.calls.runner import CallRunner
from payments.rows import PaymentRef
from payments.tools import Tools

_SQL = beside(__file__, "sweeper.sql")


class Sweeper(KeyedSweeper[PaymentRef]):
    """Claims due payments and has them advanced: the lease of a payment's operation keeps it from being sent twice."""

    def __init__(self, tools: Tools) -> None:
        async def banks() -> Sequence[str]:
            return [bank.bank.id for bank in await tools.banks.all()]

        claims = Claims(
            pool=tools.pool,
            clock=tools.clock,
            query=_SQL["claim_due"],
            seconds=tools.policy.claim_seconds,
            share=tools.policy.bank_concurrency,
        )
        super().__init__(claims, CallRunner(Advancer(tools).advance), banks, _named)


def _named(partner_id: UUID, payment_id: UUID) -> PaymentRef:
    return PaymentRef(partner_id=partner_id, payment_id=payment_id)
