"""A payer of the journey: sent to their bank, approving there, and coming back to the gateway."""

from dataclasses import dataclass

from threadneedle.demo.partner import Api


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Somebody who approves what the simulated Open Banking UK bank asks, as a person would on its page."""

    bank: Api
    bank_id: str = "open-banking-uk"

    async def approve(self, url: str) -> str:
        """Approve at the bank's address; the gateway's, to which the bank sends the payer back."""
        answer = await self.bank.post("/_decisions", {"url": url, "decision": "approve"})
        return str(answer.body["redirect_to"])
