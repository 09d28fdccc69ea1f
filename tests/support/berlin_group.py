"""Payments and answers of NextGenPSD2 for tests."""

from datetime import UTC, datetime
from typing import Any

import orjson

from adapters.contract import Account, BankSettings, Handshake, Instruction, Payer
from adapters.contract.accounts import Inquiry
from adapters.wire import WireReply
from kernel.masked import AccountNumber, Masked, Secret
from kernel.money import Money
from tests.support import banks

DEBTOR_IBAN = "DE89370400440532013000"
PAYMENT_ID = "3dc3d5b3702348489829de8fa34b6b7f"
HANDSHAKE = Handshake(
    redirect_uri="https://gateway.example.com/banks/example-bank/callback",
    state=Secret("a-state"),
    nonce=Secret("a-nonce"),
    code_verifier=Secret("a-verifier"),
)


def instruction(**changes: Any) -> Instruction:
    """A payment of €12.34 that a bank of this protocol takes."""
    fields: dict[str, Any] = {
        "amount": Money("EUR", 1234),
        "debtor": Account(iban=AccountNumber(DEBTOR_IBAN)),
        "payer": Payer(ip_address=Masked("203.0.113.7"), user_agent=Masked("Example/1.0")),
        "handshake": HANDSHAKE,
    }
    return banks.instruction(**{**fields, **changes})


def reply(status: int, body: object = None, **headers: str) -> WireReply:
    """An answer with a JSON body, or without any; header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = b"" if body is None else orjson.dumps(body)
    return WireReply(status=status, headers={"content-type": "application/json", **named}, body=raw)


def refusal(status: int, code: str) -> WireReply:
    """An error of the standard."""
    return reply(status, {"tppMessages": [{"category": "ERROR", "code": code}]})


def links(*names: str) -> dict[str, dict[str, str]]:
    """Links of an answer."""
    return {name: {"href": f"https://bank.example/{name}"} for name in names}


def inquiry(**changes: Any) -> Inquiry:
    """Everything that a call of account information may need, with the holder present."""
    fields: dict[str, Any] = {
        "settings": BankSettings(base_url="https://bank.example"),
        "requested_at": datetime(2026, 11, 2, 12, 0, tzinfo=UTC),
        "valid_until": datetime(2027, 1, 31, 12, 0, tzinfo=UTC),
        "consent_id": "a-consent",
        "account_id": "an-account",
        "payer": Payer(ip_address=Masked("203.0.113.7"), user_agent=Masked("Example/1.0")),
        "handshake": HANDSHAKE,
    }
    return Inquiry(**{**fields, **changes})
