"""An Open Banking UK bank: it checks what real ones check, lets a person give consent, and misbehaves on command."""

from adapters.open_banking_uk.simulator.server import OpenBankingUkSimulator, start_simulator

__all__ = ["OpenBankingUkSimulator", "start_simulator"]
