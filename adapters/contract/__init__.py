"""The port between payments and banks: what goes in, what comes back, and what an adapter is. No I/O here.

An adapter is a Declaration and pure functions: `build` makes the exact bytes of a call, `parse` reads an answer as
evidence. The engine (adapters/engine) does the I/O and says only what our own transport can prove. What is declared
stands in adapters/declaration, the wire's values in adapters/wire.py, checks of instructions and settings in
adapters/checks.py.
"""

from adapters.contract.adapter import Adapter, NoNotifications, NoPayers
from adapters.contract.authorisation import Authorisation, AuthorisationMethod, Grant, Handshake
from adapters.contract.banks import Bank, BankSettings
from adapters.contract.evidence import Evidence, Hint, Notified, Reason, Receipt, Subject, Verdict
from adapters.contract.instructions import Instruction
from adapters.contract.outcomes import Answered, Exchange, NeverLeft, Outcome, Unknown
from adapters.contract.parties import Account, Creditor, Payer

__all__ = [
    "Account",
    "Adapter",
    "Answered",
    "Authorisation",
    "AuthorisationMethod",
    "Bank",
    "BankSettings",
    "Creditor",
    "Evidence",
    "Exchange",
    "Grant",
    "Handshake",
    "Hint",
    "Instruction",
    "NeverLeft",
    "NoNotifications",
    "NoPayers",
    "Notified",
    "Outcome",
    "Payer",
    "Reason",
    "Receipt",
    "Subject",
    "Unknown",
    "Verdict",
]
