"""The standard's words: every one of both official files has a meaning here, and no other word has."""

import pytest

from adapters.contract import Reason, Verdict
from adapters.open_banking_uk.tables.errors import CONSENT_REFUSALS, ERRORS, PAYMENT_REFUSALS, WORD_OF_CODE
from adapters.open_banking_uk.tables.reasons import REASONS
from adapters.open_banking_uk.tables.statuses import CONSENT_ASKED, CONSENT_MADE, DETAIL_STATUSES, PAYMENT_STATUSES
from tests.support.open_banking_uk import VERSIONS, words_of_answer, words_of_errors

PAYMENTS = ("/domestic-payments", "DomesticPaymentId"), ("/domestic-scheduled-payments", "DomesticScheduledPaymentId")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("path", "identifier"), PAYMENTS)
def test_every_status_of_a_payment_has_a_meaning(version: str, path: str, identifier: str) -> None:
    """No status that a bank may give is unknown, of payments at once and of scheduled ones."""
    listed = words_of_answer(version, f"{path}/{{{identifier}}}", "Status")
    assert listed
    assert listed <= set(PAYMENT_STATUSES)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_status_of_a_payments_details_has_a_meaning(version: str) -> None:
    """The details have more words than the payment itself, and all are known."""
    listed = words_of_answer(
        version, "/domestic-payments/{DomesticPaymentId}/payment-details", "PaymentStatus", "[]", "Status"
    )
    assert len(listed) >= 12
    assert listed <= set(DETAIL_STATUSES)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_status_of_a_consent_has_a_meaning(version: str) -> None:
    """A consent that was asked about has one in every status; one that was just made in all but "consumed"."""
    listed = words_of_answer(version, "/domestic-payment-consents/{ConsentId}", "Status")
    assert len(listed) == 4
    assert listed <= set(CONSENT_ASKED)
    assert listed - set(CONSENT_MADE) <= {"COND", "Consumed"}


def test_every_error_of_the_older_version_has_a_reason() -> None:
    """Its file lists the words; of each the newer version has a code, and both mean the same."""
    listed = words_of_errors("3.1.11")
    assert len(listed) >= 27
    assert listed <= set(ERRORS)
    assert listed <= set(WORD_OF_CODE.values())
    assert all(ERRORS[code] is ERRORS[word] for code, word in WORD_OF_CODE.items())


def test_codes_of_errors_are_u000_to_u029() -> None:
    """The list has no gap, so that no code of an error falls through."""
    assert sorted(WORD_OF_CODE) == [f"U{number:03}" for number in range(30)]


def test_reasons_are_iso_codes_or_the_standards_own() -> None:
    """Every code has four characters; the words of the older version stand beside them."""
    codes = {code for code in REASONS if len(code) == 4}
    assert len(codes) == 291
    assert {REASONS["AM04"], REASONS["AC04"], REASONS["DUPL"]} == {
        Reason.INSUFFICIENT_FUNDS,
        Reason.ACCOUNT_CLOSED,
        Reason.DUPLICATE,
    }
    assert not codes & set(WORD_OF_CODE)


def test_nothing_that_a_repeat_could_meet_refuses_a_payment() -> None:
    """What depends on time, token, signature, header or the consent's status may be said of a payment that was made."""
    words_ = {WORD_OF_CODE.get(code, code).removeprefix("UK.OBIE.") for code in PAYMENT_REFUSALS}
    assert not {each for each in words_ if each.split(".")[0] in {"Signature", "Header", "Rules", "Reauthenticate"}}
    assert not words_ & {"Resource.InvalidConsentStatus", "Resource.NotFound", "Field.InvalidDate", "UnexpectedError"}
    assert {
        "U003",
        "UK.OBIE.Field.InvalidDate",
        "U012",
        "UK.OBIE.Rules.AfterCutOffDateTime",
    } == CONSENT_REFUSALS - PAYMENT_REFUSALS


def test_blocked_is_neither_rejected_nor_paid() -> None:
    """The debtor was debited and the creditor has nothing: whoever called it rejected would pay again."""
    assert PAYMENT_STATUSES["BLCK"] == (Verdict.ACCEPTED, "BLCK")
