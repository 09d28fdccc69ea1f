"""A payer of the journey: sent to their bank, approving there, and coming back to the gateway."""

import asyncio
from dataclasses import dataclass

from threadneedle.demo.partner import Api

_NOTIFIED_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Somebody who approves what the simulated Open Banking UK bank asks, as a person would on its page."""

    bank: Api
    bank_id: str = "open-banking-uk"

    async def approve(self, url: str) -> str:
        """Approve at the bank's address; the gateway's, to which the bank sends the payer back."""
        answer = await self.bank.post("/_decisions", {"url": url, "decision": "approve"})
        return str(answer.body["redirect_to"])

    async def wait_for_notifications(self, *, more_than: int) -> int:
        """How many more of the bank's event notifications were taken, once there is one. Raises TimeoutError."""
        async with asyncio.timeout(_NOTIFIED_SECONDS):
            while True:
                taken = int((await self.bank.get("/_books")).body["notified"]) - more_than
                if taken > 0:
                    return taken
                await asyncio.sleep(0.1)
