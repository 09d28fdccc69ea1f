"""An Open Banking UK bank: it checks what real ones check, lets a person give consent, and misbehaves on command."""

from adapters.open_banking_uk.simulator.server import OpenBankingUkSimulator, start_older, start_simulator

__all__ = ["VARIANTS", "OpenBankingUkSimulator", "start_simulator"]

# Banks that differ from the one by default, each held to everything that it is held to.
VARIANTS = {"3.1.11": start_older}
