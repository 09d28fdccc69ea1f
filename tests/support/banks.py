"""Instructions, banks and engines for tests of adapters."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prometheus_client import CollectorRegistry

from adapters.contract import Account, Bank, BankSettings, Creditor, Handshake, Instruction, Payer
from adapters.declaration import AuthProfile, Deadlines, Declaration
from adapters.engine import Engine, EngineMetrics, EngineSettings
from kernel.clock import Clock, CorrectedClock
from kernel.ids import Environment, Tenant
from kernel.masked import AccountNumber, Masked, PersonName, Secret
from kernel.money import Money

IBAN = "GB82WEST12345698765432"
DEBTOR_IBAN = "DE89370400440532013000"
CREDITOR_NAME = "Example Books Ltd"
QUICK = Deadlines(connect_seconds=0.5, first_byte_seconds=0.5, total_seconds=0.8)


def instruction(**changes: Any) -> Instruction:
    """A payment of £12.34 to Example Books Ltd."""
    fields: dict[str, Any] = {
        "tenant": Tenant(UUID(int=1), Environment.TEST),
        "payment_id": UUID(int=2),
        "merchant_id": UUID(int=3),
        "end_to_end_id": "TN01K9C8W2E4F6G8H0J2K4M6N8P0",
        "idempotency_key": "01k9c8w2e4f6g8h0j2k4m6n8p1",
        "amount": Money("GBP", 1234),
        "creditor": Creditor(name=PersonName(CREDITOR_NAME), account=Account(iban=AccountNumber(IBAN))),
        "reference": Masked("Invoice 42"),
        "settings": BankSettings(base_url="http://127.0.0.1:1"),
        "requested_at": datetime(2026, 11, 2, 12, 0, tzinfo=UTC),
    }
    return Instruction(**{**fields, **changes})


def now() -> datetime:
    """The time at which a payer is sent out: banks compare it with their own."""
    return datetime.now(UTC)


def fitting(declaration: Declaration, settings: BankSettings | None = None) -> Instruction:
    """A payment of 12.34 that a bank of this declaration takes, with all that any of its operations may need."""
    currencies = sorted(declaration.currencies, key=lambda code: (code != "GBP", code != "EUR", code))
    needs_debtor = any(name.startswith("/debtor") and each.required for name, each in declaration.fields.items())
    standard = instruction(
        amount=Money(currencies[0] if currencies else "GBP", 1234),
        debtor=Account(iban=AccountNumber(DEBTOR_IBAN)) if needs_debtor else None,
        payer=Payer(ip_address=Masked("192.0.2.7"), user_agent=Masked("Mozilla/5.0")),
        handshake=handshake(),
    )
    return standard if settings is None else replace(standard, settings=settings)


def handshake() -> Handshake:
    """What sends a payer out: a callback address with its state, as the payments room makes it."""
    state = "st4te-of-one-payer"
    return Handshake(
        redirect_uri=f"https://callbacks.example.com/banks/example-bank/callback?state={state}",
        state=Secret(state),
        nonce=Secret("n0nce-of-one-payer"),
        code_verifier=Secret("verifier-" * 6),
    )


def bank(base_url: str, adapter: str = "plain", version: int = 1, **settings: Mapping[str, Any]) -> Bank:
    """A configured bank; `secrets` are given as text."""
    secrets = {name: Secret(value) for name, value in settings.get("secrets", {}).items()}
    full = BankSettings(base_url=base_url, secrets=secrets, options=settings.get("options", {}))
    return Bank(id="example-bank", adapter=adapter, environment=Environment.TEST, settings=full, version=version)


def plain(auth: AuthProfile = AuthProfile.NONE, deadlines: Deadlines = QUICK) -> Declaration:
    """The declaration of a bank that can do nothing but be called."""
    return Declaration(name="plain", title="Plain", mapping_version="1", auth=auth, deadlines=deadlines)


def engine(
    declarations: Mapping[str, Declaration] | None = None,
    settings: EngineSettings | None = None,
    clock: Clock | None = None,
) -> Engine:
    """An engine with metrics of its own."""
    return Engine(
        declarations or {"plain": plain()},
        clock or CorrectedClock(),
        EngineMetrics.on(CollectorRegistry()),
        settings or EngineSettings(),
    )
