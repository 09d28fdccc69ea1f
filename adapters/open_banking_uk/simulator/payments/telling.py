"""Consents and payments as the bank tells them in either version, truly or not."""

from copy import deepcopy
from typing import Any

from adapters.open_banking_uk.simulator.answers import V4
from adapters.open_banking_uk.simulator.payments.books import Consent, ConsentStatus, Payment, word
from adapters.simulation.faults import Fault
from kernel.money import Money


def consent_told(consent: Consent, url: str, status: ConsentStatus | None = None) -> dict[str, Any]:
    """A consent; `status` is for an answer from before the last change."""
    data = {
        "ConsentId": consent.id,
        "CreationDateTime": consent.created_at,
        "Status": word(consent.version, status or consent.status),
        "StatusUpdateDateTime": consent.updated_at,
        **consent.request["Data"],
    }
    return {"Data": data, "Risk": consent.request["Risk"], "Links": {"Self": url}, "Meta": {}}


def payment_told(payment: Payment, url: str, fault: Fault | None = None) -> dict[str, Any]:
    """A payment."""
    consent = payment.consent
    data: dict[str, Any] = {
        "DomesticScheduledPaymentId" if consent.scheduled else "DomesticPaymentId": payment.id,
        "ConsentId": consent.id,
        "CreationDateTime": payment.created_at,
        "Status": word(consent.version, payment.status, scheduled=consent.scheduled),
        "StatusUpdateDateTime": payment.updated_at,
        "Initiation": _initiation(consent, fault),
    }
    if payment.reason_code is not None and consent.version == V4:
        data["StatusReason"] = [{"StatusReasonCode": payment.reason_code, "StatusReasonDescription": "Simulated"}]
    if consent.account is not None and consent.request["Data"].get("ReadRefundAccount") == "Yes":
        data["Refund"] = {"Account": consent.account}
    return {"Data": data, "Links": {"Self": url}, "Meta": {}}


def details_told(payment: Payment, url: str) -> dict[str, Any]:
    """A payment's details: its latest status and why."""
    version = payment.consent.version
    entry: dict[str, Any] = {
        "PaymentTransactionId": payment.id,
        "Status": "PDNG" if word(version, payment.status) == "RCVD" else word(version, payment.status),
        "StatusUpdateDateTime": payment.updated_at,
    }
    if payment.reason_code is not None:
        reason = payment.reason_code if version == V4 else "ProprietaryRejection"
        entry["StatusDetail"] = {"Status": entry["Status"], "StatusReason": reason}
    return {"Data": {"PaymentStatus": [entry]}, "Links": {"Self": url}, "Meta": {}}


def _initiation(consent: Consent, fault: Fault | None) -> dict[str, Any]:
    told = deepcopy(consent.request["Data"]["Initiation"])
    amount = consent.amount
    match fault:
        case Fault.WRONG_AMOUNT:
            told["InstructedAmount"] = _amount(Money(amount.currency, amount.value + 1))
        case Fault.WRONG_EXPONENT:
            told["InstructedAmount"] = _amount(Money(amount.currency, amount.value * 100))
        case Fault.WRONG_REFERENCE:
            told["InstructionIdentification"] = told["EndToEndIdentification"] = "of-another-payment"
        case _:
            pass
    return dict(told)


def _amount(money: Money) -> dict[str, str]:
    return {"Amount": f"{money.to_decimal():f}", "Currency": money.currency}
