"""Our operations in the standard's words, and the bank's answers in ours. Pure."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from adapters.contract import Adapter, BankSettings, Evidence, Instruction, Notified, Receipt, Verdict
from adapters.contract.accounts import AccountAdapter
from adapters.declaration import OperationKind
from adapters.open_banking_uk import authorisation, payments, requests
from adapters.open_banking_uk.accounts.adapter import OpenBankingUkAccounts
from adapters.open_banking_uk.declaration import OPEN_BANKING_UK
from adapters.open_banking_uk.dialect import dialect_of
from adapters.open_banking_uk.notifications import events, tokens
from adapters.open_banking_uk.reading.funds import funds_confirmed
from adapters.open_banking_uk.reading.payments import consent_made, enquiry_answered, failure, payment_made
from adapters.open_banking_uk.reading.tokens import code_exchanged
from adapters.reading.strict import Unreadable
from adapters.wire import WireReply, WireRequest

_READERS = {
    OperationKind.CONSENT: consent_made,
    OperationKind.SUBMIT: payment_made,
    OperationKind.ENQUIRE: enquiry_answered,
}


def adapter() -> Adapter:
    """The adapter of this folder."""
    return OpenBankingUkAdapter()


def accounts() -> AccountAdapter:
    """The account information of this folder."""
    return OpenBankingUkAccounts()


class OpenBankingUkAdapter:
    """Payments by Open Banking UK, in the version that the bank's option says."""

    declaration = OPEN_BANKING_UK

    def build(self, kind: OperationKind, instruction: Instruction) -> WireRequest:
        """The request. Raises ValueError for a kind that is not declared, or for what the journey has not brought."""
        match kind:
            case OperationKind.CONSENT:
                return _consent(instruction)
            case OperationKind.AUTHORISE:
                return authorisation.exchange(instruction.handshake)
            case OperationKind.CONFIRM_FUNDS:
                return _funds(instruction)
            case OperationKind.SUBMIT:
                return _payment(instruction)
            case OperationKind.ENQUIRE:
                return requests.get(_enquiry(instruction), "payments", signed_answer=True)
            case _:
                raise ValueError("an Open Banking UK bank cannot be asked this")

    def authorisation_url(self, instruction: Instruction, now: datetime) -> str:
        """Where the payer gives consent. Raises ValueError without consent, handshake or a needed setting."""
        return authorisation.authorisation_url(
            instruction.settings, "payments", instruction.consent_id, instruction.handshake, now
        )

    def parse(self, kind: OperationKind, reply: WireReply) -> Evidence:
        """What the answer proves; never raises."""
        if kind is OperationKind.AUTHORISE:
            return code_exchanged(reply)
        if kind is OperationKind.CONFIRM_FUNDS:
            return funds_confirmed(reply)
        if kind not in _READERS:
            return Evidence(verdict=Verdict.UNKNOWN)
        try:
            return _READERS[kind](reply)
        except Unreadable:
            return failure(kind, reply)

    def verify_notification(
        self, raw: bytes, headers: Mapping[str, str], settings: BankSettings, now: datetime
    ) -> Receipt:
        """Whether the bank signed this event for us."""
        return tokens.verify(raw, headers, settings, now)

    def parse_notification(self, raw: bytes) -> Notified:
        """What a verified event names."""
        return events.parse(raw)


def _consent(instruction: Instruction) -> WireRequest:
    dialect = dialect_of(instruction.settings.options)
    return requests.signed_post(
        f"{dialect.path}/pisp/{_resource(instruction)}-consents",
        payments.consent(instruction, dialect),
        instruction.idempotency_key,
        instruction.payer,
        as_payer=False,
    )


def _payment(instruction: Instruction) -> WireRequest:
    dialect = dialect_of(instruction.settings.options)
    return requests.signed_post(
        f"{dialect.path}/pisp/{_resource(instruction)}s",
        payments.payment(instruction, dialect),
        instruction.idempotency_key,
        instruction.payer,
        as_payer=True,
    )


def _funds(instruction: Instruction) -> WireRequest:
    """Whether the payer has the amount now. The standard asks it of no payment for later."""
    if instruction.consent_id is None or instruction.execute_at is not None:
        raise ValueError("funds are confirmed under the payer's consent to a payment that is made now")
    path = f"{dialect_of(instruction.settings.options).path}/pisp/domestic-payment-consents"
    path = f"{path}/{_segment(instruction.consent_id)}/funds-confirmation"
    return requests.get(path, "payments", signed_answer=True, payer=instruction.payer, as_payer=True)


def _enquiry(instruction: Instruction) -> str:
    """By the payment's id; by its consent's where the answer that told the id was lost."""
    options = instruction.settings.options
    resource = f"{dialect_of(options).path}/pisp/{_resource(instruction)}"
    if instruction.bank_reference is not None:
        details = "/payment-details" if options.get("enquiry") == "payment_details" else ""
        return f"{resource}s/{_segment(instruction.bank_reference)}{details}"
    if instruction.consent_id is None:
        raise ValueError("the bank can be asked by the payment's id or its consent's")
    return f"{resource}-consents/{_segment(instruction.consent_id)}"


def _resource(instruction: Instruction) -> str:
    """A payment for later is another resource, which the bank keeps until then."""
    return "domestic-payment" if instruction.execute_at is None else "domestic-scheduled-payment"


def _segment(text: str) -> str:
    return quote(text, safe="")
