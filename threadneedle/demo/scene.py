"""Where the journey plays, who is in it, and what each act needs of both."""

import asyncio
from dataclasses import dataclass
from typing import Any

from threadneedle.demo.merchant import Merchant
from threadneedle.demo.partner import Answer, Api
from threadneedle.demo.payer import Payer
from threadneedle.demo.proof import Proof

IBAN = "GB33BUKB20201555555555"
ENDED_WELL = ("settled", "completed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where the journey plays."""

    admin: Api
    partner: Api
    simulator: Api
    payer: Payer
    merchant: Merchant
    proof: Proof
    amounts: dict[str, int]
    bank_id: str = "sandbox"


@dataclass(slots=True)
class Cast:
    """Who was registered, and what is under way."""

    partner_id: str = ""
    client_id: str = ""
    client_secret: str = ""
    merchant_id: str = ""
    endpoint_id: str = ""
    silent_payment_id: str = ""
    silent_reference: str = ""


def expect(answer: Answer, *statuses: int) -> dict[str, Any]:
    """The body of an answer that must have one of these statuses. Raises AssertionError."""
    if answer.status not in statuses:
        raise AssertionError(f"answered {answer.status} {answer.code} {answer.body}")
    return dict(answer.body)


def order(scene: Scene, cast: Cast, behaviour: str) -> dict[str, Any]:
    """A payment whose amount makes the sandbox bank behave in that way."""
    return {
        "merchant_id": cast.merchant_id,
        "bank_id": scene.bank_id,
        "amount": {"currency": "GBP", "value": scene.amounts[behaviour]},
        "creditor": {"name": "Example Printers Ltd", "account": {"iban": IBAN}},
        "reference": "invoice 1001",
    }


async def follow(scene: Scene, payment_id: str, *, until: tuple[str, ...], seconds: float = 45) -> dict[str, Any]:
    """Poll a payment until it has one of these states, saying each change. Raises TimeoutError."""
    seen = ""
    async with asyncio.timeout(seconds):
        while True:
            payment = expect(await scene.partner.get(f"/v1/payments/{payment_id}"), 200)
            if payment["status"] != seen:
                seen = payment["status"]
                scene.proof.say(f"{payment_id} is {seen}")
            if seen in until:
                return payment
            await asyncio.sleep(0.2)
