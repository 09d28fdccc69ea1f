"""Takes every payment whose time has come, whatever its state, bank by bank, so that no bank waits for another."""

from datetime import timedelta

from kernel.sql import beside
from payments.calls.advance import Advancer
from payments.calls.runner import CallRunner
from payments.rows import PaymentRef
from payments.tools import Tools

_SQL = beside(__file__, "sweeper.sql")


class Sweeper:
    """Claims due payments and has them advanced. Any number of processes may run one.

    A claim only moves the time of the next look: what keeps a payment from being sent twice is the lease of its
    operation, taken under the payment's lock.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._runner = CallRunner(Advancer(tools).advance)

    async def run_once(self) -> int:
        """Begin what is due, as far as each bank's share goes, and return how many; the calls go on by themselves."""
        banks = await self._tools.banks.all()
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
        rows = await self._tools.pool.fetch(_SQL["claim_due"], bank_id, now, until, free)
        refs = [PaymentRef(partner_id=row["partner_id"], payment_id=row["id"]) for row in rows]
        return sum(self._runner.start(ref, bank_id) for ref in refs)
