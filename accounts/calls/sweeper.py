"""Takes every consent whose time has come, bank by bank, so that no bank waits for another."""

from collections.abc import Sequence
from uuid import UUID

from accounts.calls.advance import Advancer
from accounts.calls.runner import ConsentRunner
from accounts.consents.rows import ConsentRef
from accounts.tools import Tools
from kernel.sql import beside
from kernel.tasks.sweeping import Claims, KeyedSweeper

_SQL = beside(__file__, "sweeper.sql")


class ConsentSweeper(KeyedSweeper[ConsentRef]):
    """Claims due consents, at the banks whose accounts can be read, and has them advanced."""

    def __init__(self, tools: Tools) -> None:
        async def banks() -> Sequence[str]:
            return [bank.bank.id for bank in await tools.banks.all() if tools.reader_of(bank) is not None]

        claims = Claims(
            pool=tools.pool,
            clock=tools.clock,
            query=_SQL["claim_due_consents"],
            seconds=tools.policy.claim_seconds,
            share=tools.policy.bank_concurrency,
        )
        super().__init__(claims, ConsentRunner(Advancer(tools).advance), banks, _named)


def _named(partner_id: UUID, consent_id: UUID) -> ConsentRef:
    return ConsentRef(partner_id=partner_id, consent_id=consent_id)
