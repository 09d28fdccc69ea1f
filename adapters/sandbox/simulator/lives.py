"""What happens to a payment after it was booked, and the bank's notifications of it."""

import asyncio
import secrets
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson

from adapters.sandbox.notifications import sign
from adapters.sandbox.simulator.books import Payment, Status
from adapters.simulation.beside import Beside
from adapters.simulation.courier import Courier
from adapters.simulation.faults import SILENT, Fault
from adapters.simulation.simulator import Pace
from kernel.masked import Secret


class Notifier:
    """Sends signed notifications to the callback URL."""

    def __init__(self, callback_url: str | None, secret: Secret) -> None:
        self.courier = Courier(callback_url)
        self._secret = secret

    async def tell(self, payment: Payment) -> None:
        """Send the payment's present state, as often as its fault says, or not at all."""
        if self.courier.url is None or payment.fault in SILENT:
            return
        raw = orjson.dumps({"id": f"ntf_{secrets.token_hex(12)}", "type": "payment.updated"} | _content(payment))
        secret = Secret("forged") if payment.fault is Fault.NOTIFY_FORGED else self._secret
        for _ in range(2 if payment.fault is Fault.NOTIFY_TWICE else 1):
            await self.courier.deliver(raw, partial(_headers, raw, secret))


def _headers(raw: bytes, secret: Secret) -> dict[str, str]:
    return {"Content-Type": "application/json", "Sandbox-Signature": sign(raw, secret, datetime.now(UTC))}


class Lives(Beside):
    """Lets booked payments settle, complete, return or fail, each in its own task."""

    def __init__(self, pace: Pace, notifier: Notifier) -> None:
        super().__init__()
        self._pace = pace
        self._notifier = notifier

    def begin(self, payment: Payment) -> None:
        """Start the life of a payment just booked."""
        self.spawn(self._live(payment))

    async def _live(self, payment: Payment) -> None:
        for seconds, status, reason_code in _fate(payment.fault, self._pace):
            await asyncio.sleep(seconds)
            if payment.status is Status.CANCELLED:
                return
            payment.become(status, reason_code)
            self.spawn(self._notifier.tell(payment))


def _fate(fault: Fault | None, pace: Pace) -> list[tuple[float, Status, str | None]]:
    accepted = (pace.pending_seconds, Status.ACCEPTED, None)
    settled = (pace.settle_seconds, Status.SETTLED, None)
    match fault:
        case Fault.REJECT_LATER:
            return [(pace.settle_seconds, Status.REJECTED, "AM04")]
        case Fault.RETURN:
            return [settled, (pace.complete_seconds, Status.RETURNED, "AC04")]
        case Fault.STAY_PENDING:
            return [accepted, settled, (pace.complete_seconds, Status.COMPLETED, None)]
        case _:
            return [settled, (pace.complete_seconds, Status.COMPLETED, None)]


def _content(payment: Payment) -> dict[str, Any]:
    return {"created_at": datetime.now(UTC).isoformat(), "payment": payment.to_json()}
