"""What happens to a payment after it was booked, and the bank's notifications of it."""

import asyncio
import secrets
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson

from adapters.sandbox.notifications import sign
from adapters.sandbox.simulator.books import Payment, Status
from adapters.simulation.beside import Beside
from adapters.simulation.faults import Fault
from adapters.simulation.simulator import Pace
from kernel.masked import Secret

_TRIES = 5
_FIRST_RETRY_SECONDS = 0.2
_TIMEOUT_SECONDS = 5
# A bank whose answer is lost is silent altogether: otherwise its notification would tell before anyone had to ask.
_SILENT = frozenset({Fault.TIMEOUT_AFTER, Fault.RESET_AFTER, Fault.COMMIT_LATE, Fault.STALE})


class Notifier:
    """Sends signed notifications to the callback URL; tries again for a while when it is not answered with 2xx."""

    def __init__(self, callback_url: str | None, secret: Secret) -> None:
        self.callback_url = callback_url
        self._secret = secret
        self._session: aiohttp.ClientSession | None = None

    async def tell(self, payment: Payment) -> None:
        """Send the payment's present state, as often as its fault says, or not at all."""
        if self.callback_url is None or payment.fault in _SILENT:
            return
        raw = orjson.dumps({"id": f"ntf_{secrets.token_hex(12)}", "type": "payment.updated"} | _content(payment))
        for _ in range(2 if payment.fault is Fault.NOTIFY_TWICE else 1):
            await self._deliver(self.callback_url, raw, forged=payment.fault is Fault.NOTIFY_FORGED)

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    async def _deliver(self, url: str, raw: bytes, *, forged: bool) -> None:
        delay_seconds = _FIRST_RETRY_SECONDS
        for _ in range(_TRIES):
            if await self._post(url, raw, Secret("forged") if forged else self._secret):
                return
            await asyncio.sleep(delay_seconds)
            delay_seconds *= 2

    async def _post(self, url: str, raw: bytes, secret: Secret) -> bool:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS))
        headers = {
            "Content-Type": "application/json",
            "Sandbox-Signature": sign(raw, secret, datetime.now(UTC)),
        }
        try:
            async with self._session.post(url, data=raw, headers=headers, allow_redirects=False) as response:
                return 200 <= response.status < 300
        except (aiohttp.ClientError, TimeoutError):
            return False


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
