"""What becomes of an initiation: it dies without authorisation, and lives through its states with one."""

import asyncio
from collections.abc import Callable

from adapters.berlin_group.simulator.payments.books import ENDED, Payment, Status
from adapters.simulation.beside import Beside
from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Pace


class Lives(Beside):
    """Runs what happens beside the requests, each in its own task, until the bank closes."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def wait_for_payer(self, payment: Payment) -> None:
        """Let the initiation die if nobody authorises it in time."""
        self.abandon(lambda: _die(payment))

    def abandon(self, end: Callable[[], None]) -> None:
        """End what waits for a payer, once the bank has waited long enough."""
        self.spawn(self._abandon(end))

    def begin(self, payment: Payment) -> None:
        """The payer authorised it."""
        if payment.status is not Status.RECEIVED or payment.authorised:
            return
        payment.authorised = True
        payment.status = Status.PENDING if payment.fault is Fault.STAY_PENDING else Status.IN_PROCESS
        self.spawn(self._live(payment))

    async def _abandon(self, end: Callable[[], None]) -> None:
        await asyncio.sleep(self._pace.abandon_seconds)
        end()

    async def _live(self, payment: Payment) -> None:
        for seconds, status in self._fate(payment.fault):
            await asyncio.sleep(seconds)
            if payment.status in ENDED - {Status.SETTLED}:
                return
            payment.status = status

    def _fate(self, fault: Fault | None) -> list[tuple[float, Status]]:
        pace = self._pace
        rest = [(pace.settle_seconds, Status.SETTLED), (pace.complete_seconds, Status.COMPLETED)]
        match fault:
            case Fault.REJECT_LATER:
                return [(pace.settle_seconds, Status.REJECTED)]
            case Fault.STAY_PENDING:
                return [(pace.pending_seconds, Status.IN_PROCESS), *rest]
            case _:
                return rest


def _die(payment: Payment) -> None:
    if not payment.authorised and payment.status is Status.RECEIVED:
        payment.status = Status.REJECTED
