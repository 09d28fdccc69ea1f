"""What happens to a payment after it was booked."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

from adapters.open_banking_uk.simulator.payments.books import Payment, Status
from adapters.open_banking_uk.simulator.payments.orders import execution_time
from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Pace


class Lives:
    """Lets booked payments settle, complete or fail, each in its own task."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, payment: Payment) -> None:
        """Start the life of a payment just booked."""
        if payment.status is not Status.REJECTED:
            self.spawn(self._live(payment))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the requests until the bank closes."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop the clock of all payments."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _live(self, payment: Payment) -> None:
        if payment.consent.scheduled:
            wait = execution_time(payment.consent.request) - datetime.now(UTC)
            await asyncio.sleep(max(0.0, wait.total_seconds()))
            payment.become(Status.ACCEPTED)
        for seconds, status, reason_code in _fate(payment.fault, self._pace):
            await asyncio.sleep(seconds)
            payment.become(status, reason_code)


def _fate(fault: Fault | None, pace: Pace) -> list[tuple[float, Status, str | None]]:
    if fault is Fault.REJECT_LATER:
        return [(pace.settle_seconds, Status.REJECTED, "AM04")]
    to_the_end = [
        (pace.settle_seconds, Status.SETTLED, None),
        (pace.complete_seconds, Status.COMPLETED, None),
    ]
    accepted = (pace.pending_seconds, Status.ACCEPTED, None)
    return [accepted, *to_the_end] if fault is Fault.STAY_PENDING else list(to_the_end)
