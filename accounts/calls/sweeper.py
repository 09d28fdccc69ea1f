"""Takes every consent whose time has come, bank by bank, so that no bank waits for another."""

from datetime import timedelta

from accounts.calls.advance import Advancer
from accounts.calls.runner import ConsentRunner
from accounts.consents.rows import ConsentRef
from accounts.tools import Tools
from kernel.sql import beside

_SQL = beside(__file__, "sweeper.sql")


class ConsentSweeper:
    """Claims due consents and has them advanced. Any number of processes may run one."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._runner = ConsentRunner(Advancer(tools).advance)

    async def run_once(self) -> int:
        """Begin what is due, as far as each bank's share goes, and return how many; the calls go on by themselves."""
        banks = [bank for bank in await self._tools.banks.all() if self._tools.reader_of(bank) is not None]
        return sum([await self._sweep(bank.bank.id) for bank in banks])

    async def settle(self) -> None:
        """Wait for all that was begun here."""
        await self._runner.settle()

    async def drain(self) -> None:
        """Begin nothing more, and wait for what was begun."""
        await self._runner.drain()

    async def _sweep(self, bank_id: str) -> int:
        free = self._tools.policy.bank_concurrency - self._runner.busy(bank_id)
        if free <= 0:
            return 0
        now = self._tools.clock.now()
        until = now + timedelta(seconds=self._tools.policy.claim_seconds)
        rows = await self._tools.pool.fetch(_SQL["claim_due_consents"], bank_id, now, until, free)
        refs = [ConsentRef(partner_id=row["partner_id"], consent_id=row["id"]) for row in rows]
        return sum(self._runner.start(ref, bank_id) for ref in refs)
