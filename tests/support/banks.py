"""Instructions, banks and engines for tests of adapters."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prometheus_client import CollectorRegistry

from adapters.contract import Account, Bank, BankSettings, Creditor, Instruction
from adapters.declaration import AuthProfile, Deadlines, Declaration
from adapters.engine import Engine, EngineMetrics, EngineSettings
from kernel.clock import Clock, CorrectedClock
from kernel.ids import Environment, Tenant
from kernel.masked import AccountNumber, Masked, PersonName, Secret
from kernel.money import Money

IBAN = "GB82WEST12345698765432"
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
