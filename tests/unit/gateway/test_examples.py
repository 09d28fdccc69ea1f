"""Examples of the documents that are made of more than a type, held against what makes them."""

import re
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from adapters.contract import Bank, BankSettings, Instruction
from adapters.sandbox.mapping import adapter
from gateway.openapi import PARTNERS
from gateway.schemas.payments import PaymentIn
from kernel.ids import Environment, Tenant
from kernel.masked import Secret
from kernel.money import Money
from payments.banks import ConfiguredBank
from payments.intents.rehearsal import show_requests
from payments.states.names import PaymentStatus

_SHOWN = PARTNERS.examples["create_payment"]


def _instruction(references: dict[str, Any], key: str) -> Instruction:
    """The example's payment, by the references that the example shows."""
    body = PaymentIn.model_validate(_SHOWN["request"])
    return Instruction(
        tenant=Tenant(UUID(int=1), Environment.TEST),
        payment_id=UUID(int=2),
        merchant_id=UUID(int=3),
        end_to_end_id=references["end_to_end_id"],
        idempotency_key=key,
        amount=Money(body.amount.currency, body.amount.value),
        creditor=body.creditor.to_creditor(),
        reference=body.reference,
        settings=BankSettings(base_url="https://bank.example", secrets={"token": Secret("never shown")}),
        requested_at=datetime.fromisoformat(references["requested_at"]),
    )


def test_the_example_of_a_dry_run_is_what_a_dry_run_answers() -> None:
    """The sandbox bank's request of the example's payment, with the masks and headers that a partner really sees."""
    dry = _SHOWN["answers"]["200"]
    [request] = dry["requests"]
    references = orjson.loads(request["body"])
    instruction = _instruction(references, request["headers"]["Idempotency-Key"])
    bank = ConfiguredBank(
        bank=Bank(id="sandbox", adapter="sandbox", environment=Environment.TEST, settings=instruction.settings),
        name="Sandbox bank",
        adapter=adapter(),
        suspended=False,
    )
    shown, *_ = show_requests(bank, instruction)
    assert request == {**asdict(shown), "headers": dict(shown.headers)}
    assert re.fullmatch("TN[0-9A-HJKMNP-TV-Z]{26}", references["end_to_end_id"])
    assert dry["status"] == PaymentStatus.CREATED
