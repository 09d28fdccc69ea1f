"""Builds the public view from a row, its opened terms and, while the outcome is unknown, the evidence. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.contract import Account, Creditor
from adapters.declaration import Declaration, Recovery
from payments.recovery.reports import reports_until
from payments.rows import PaymentRow, Row
from payments.states.names import AuthorisationPurpose, PaymentStatus, SubmissionState
from payments.terms import Terms
from payments.view import AuthorisationView, EvidenceView, PaymentView, RecoveryView


def build_view(
    payment: PaymentRow,
    terms: Terms | None,
    declaration: Declaration | None,
    recovery: RecoveryView | None = None,
    authorisation: AuthorisationView | None = None,
) -> PaymentView:
    """The payment as partners see it; the accounts are masked by their types.

    Without terms they were erased; without a declaration its bank is not configured any more.
    """
    return PaymentView(
        id=payment.id,
        environment=payment.tenant.environment,
        merchant_id=payment.merchant_id,
        bank_id=payment.bank_id,
        routing=terms.routing if terms else None,
        amount=payment.amount,
        creditor=_creditor(terms.creditor) if terms else None,
        debtor={"account": masked_account(terms.debtor)} if terms and terms.debtor else None,
        reference=terms.reference.reveal() if terms else None,
        end_to_end_id=terms.end_to_end_id.reveal() if terms and terms.end_to_end_id else None,
        metadata=terms.metadata if terms else {},
        status=payment.status,
        iso_status=payment.iso_status,
        raw_status=payment.raw_status,
        reason=payment.reason,
        finality=payment.finality,
        recovery=recovery,
        authorisation=authorisation if _is_expected(payment.status, authorisation) else None,
        execute_at=payment.execute_at,
        reports_expected_until=None if declaration is None else _reports_until(payment, declaration),
        created_at=payment.created_at,
        updated_at=payment.updated_at,
    )


def _is_expected(status: PaymentStatus, authorisation: AuthorisationView | None) -> bool:
    """Whether there is still something for the payer to authorise."""
    if authorisation is None or status is PaymentStatus.AWAITING_AUTHORISATION:
        return authorisation is not None
    cancels = authorisation.purpose == AuthorisationPurpose.CANCELLATION
    return cancels and status in {PaymentStatus.SUBMITTED, PaymentStatus.ACCEPTED}


def build_recovery(
    payment: PaymentRow, state: SubmissionState, declaration: Declaration | None, evidence: Sequence[Row]
) -> RecoveryView:
    """How this payment's unknown outcome is being cleared, with rows of payment_evidence."""
    held = state is SubmissionState.HELD
    strategy = Recovery.HOLD if held or declaration is None else declaration.recovery_of(declaration.arms)
    return RecoveryView(
        strategy=strategy.value,
        next_check_at=None if held else payment.next_check_at,
        evidence=tuple(evidence_view(row) for row in evidence),
    )


def build_waiting(evidence: Sequence[Row]) -> RecoveryView:
    """What is told of a payment that persons look into, with rows of payment_evidence."""
    return RecoveryView(
        strategy=Recovery.HOLD.value, next_check_at=None, evidence=tuple(evidence_view(row) for row in evidence)
    )


def evidence_view(row: Row) -> EvidenceView:
    """From a row of payment_evidence."""
    names = ("source", "verdict", "raw_code", "iso_code", "reason", "applied", "refused_why", "at")
    return EvidenceView(**{name: row[name] for name in names})


def _reports_until(payment: PaymentRow, declaration: Declaration) -> datetime | None:
    return reports_until(declaration, payment.status, payment.updated_at, payment.execute_at)


def _creditor(creditor: Creditor) -> dict[str, Any]:
    return {"name": creditor.name.masked(), "account": masked_account(creditor.account)}


def masked_account(account: Account) -> dict[str, str]:
    """The account as it may be shown: which scheme, and enough to recognise it."""
    if account.iban is not None:
        return {"iban": account.iban.masked()}
    number = account.account_number.masked() if account.account_number else ""
    if account.routing_number is not None:
        return {"routing_number": account.routing_number, "account_number": number}
    return {"sort_code": account.sort_code or "", "account_number": number}
