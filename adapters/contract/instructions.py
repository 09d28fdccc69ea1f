"""One payment as one bank is to be told it."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from adapters.contract.authorisation import Handshake
from adapters.contract.banks import BankSettings
from adapters.contract.parties import Account, Creditor, Payer
from kernel.ids import Tenant
from kernel.masked import Masked
from kernel.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """The same payment for every operation of a submission.

    `end_to_end_id` is the submission's own reference: at most 35 characters of [A-Za-z0-9-]. `idempotency_key` is the
    operation's. `bank_reference` is the bank's id of the payment and `consent_id` its id of the payer's consent, once
    an answer brought them. `authorisation_id` is its id of one of the payer's authorisations where that one is asked
    about, and None where the bank is asked which there are. `requested_at` is the time for the bank's date fields: it
    was fixed with the intent, so that building twice gives the same bytes. `handshake` is there where the payer is sent
    to the bank.
    """

    tenant: Tenant
    payment_id: UUID
    merchant_id: UUID
    end_to_end_id: str
    idempotency_key: str
    amount: Money
    creditor: Creditor
    reference: Masked
    settings: BankSettings
    requested_at: datetime
    bank_reference: str | None = None
    execute_at: datetime | None = None
    debtor: Account | None = None
    payer: Payer | None = None
    consent_id: str | None = None
    authorisation_id: str | None = None
    handshake: Handshake | None = field(default=None, repr=False)
