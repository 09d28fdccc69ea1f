"""What happens to a payment after it was booked, each step told to whoever listens."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from adapters.open_banking_uk.simulator.payments.books import Payment, Status
from adapters.open_banking_uk.simulator.payments.orders import execution_time
from adapters.simulation.beside import Beside
from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Pace


class Lives(Beside):
    """Lets booked payments settle, complete or fail, each in its own task."""

    def __init__(self, pace: Pace, tell: Callable[[Payment], Coroutine[Any, Any, None]]) -> None:
        super().__init__()
        self.pace = pace
        self.tell = tell

    def begin(self, payment: Payment) -> None:
        """Start the life of a payment just booked."""
        if payment.status is not Status.REJECTED:
            self.spawn(self._live(payment))

    async def _live(self, payment: Payment) -> None:
        if payment.consent.scheduled:
            wait = execution_time(payment.consent.request) - datetime.now(UTC)
            await asyncio.sleep(max(0.0, wait.total_seconds()))
            self._become(payment, Status.ACCEPTED)
        for seconds, status, reason_code in _fate(payment.fault, self.pace):
            await asyncio.sleep(seconds)
            self._become(payment, status, reason_code)

    def _become(self, payment: Payment, status: Status, reason_code: str | None = None) -> None:
        payment.become(status, reason_code)
        self.spawn(self.tell(payment))


def _fate(fault: Fault | None, pace: Pace) -> list[tuple[float, Status, str | None]]:
    if fault is Fault.REJECT_LATER:
        return [(pace.settle_seconds, Status.REJECTED, "AM04")]
    to_the_end = [
        (pace.settle_seconds, Status.SETTLED, None),
        (pace.complete_seconds, Status.COMPLETED, None),
    ]
    accepted = (pace.pending_seconds, Status.ACCEPTED, None)
    return [accepted, *to_the_end] if fault is Fault.STAY_PENDING else list(to_the_end)
