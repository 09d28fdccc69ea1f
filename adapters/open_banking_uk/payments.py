"""The bodies of consents and payments. Initiation and Risk are equal in both, or the bank refuses the payment."""

from typing import Any

from adapters.contract import Account, Instruction
from adapters.open_banking_uk.dialect import Dialect
from adapters.open_banking_uk.reading.strict import IBAN, SORT_CODE
from kernel.masked import PersonName
from kernel.money import Money


def consent(instruction: Instruction, dialect: Dialect) -> dict[str, Any]:
    """A consent for one payment. The bank is asked to tell the account that a refund would go to."""
    permission = {} if instruction.execute_at is None else {"Permission": "Create"}
    return {
        "Data": {**permission, "ReadRefundAccount": "Yes", "Initiation": _initiation(instruction, dialect)},
        "Risk": _risk(instruction, dialect),
    }


def payment(instruction: Instruction, dialect: Dialect) -> dict[str, Any]:
    """The payment under its consent. Raises ValueError without the consent's id."""
    if instruction.consent_id is None:
        raise ValueError("a payment needs the payer's consent")
    return {
        "Data": {"ConsentId": instruction.consent_id, "Initiation": _initiation(instruction, dialect)},
        "Risk": _risk(instruction, dialect),
    }


def amount(value: Money) -> dict[str, str]:
    """An amount with exactly its currency's digits."""
    return {"Amount": f"{value.to_decimal():f}", "Currency": value.currency}


def _initiation(instruction: Instruction, dialect: Dialect) -> dict[str, Any]:
    told: dict[str, Any] = {
        "InstructionIdentification": instruction.end_to_end_id,
        "EndToEndIdentification": instruction.end_to_end_id,
        "InstructedAmount": amount(instruction.amount),
        "CreditorAccount": _account(instruction.creditor.account, instruction.creditor.name),
        "RemittanceInformation": dialect.remittance(instruction.reference.reveal()),
    }
    if instruction.execute_at is not None:
        told["RequestedExecutionDateTime"] = instruction.execute_at.isoformat(timespec="seconds")
    if instruction.debtor is not None:
        told["DebtorAccount"] = _account(instruction.debtor, None)
    local_instrument = instruction.settings.options.get("local_instrument")
    return told if local_instrument is None else {**told, "LocalInstrument": local_instrument}


def _account(account: Account, name: PersonName | None) -> dict[str, str]:
    named = {} if name is None else {"Name": name.reveal()}
    if account.iban is not None:
        return {"SchemeName": IBAN, "Identification": account.iban.reveal(), **named}
    if account.sort_code is None or account.account_number is None:
        raise ValueError("this bank pays by IBAN or by sort code and account number")
    return {"SchemeName": SORT_CODE, "Identification": account.sort_code + account.account_number.reveal(), **named}


def _risk(instruction: Instruction, dialect: Dialect) -> dict[str, Any]:
    options = instruction.settings.options
    told: dict[str, Any] = {}
    if "payment_context" in options:
        told["PaymentContextCode"] = options["payment_context"]
    if "merchant_category_code" in options:
        told["MerchantCategoryCode"] = options["merchant_category_code"]
    if "contract_present" in options:
        told[dialect.contract_present] = options["contract_present"] == "yes"
    return told
