"""No payment is forgotten: whatever its state and whatever its bank offers, something comes next, or a person looks."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from adapters.declaration import Declaration, EnquiryKey, LastWord, OperationKind, Recovery
from payments.policy import PaymentsPolicy
from payments.recovery.cadence import watch_at
from payments.recovery.plan import next_step, why_person
from payments.recovery.reports import reports_until
from payments.recovery.situation import Authorising, Situation, Step
from payments.states.derive import STATUSES_OF
from payments.states.names import (
    FINAL_STATUSES,
    AuthorisationStatus,
    OperationState,
    PaymentStatus,
    SubmissionState,
)
from tests.support.payer_bank import REDIRECTING, STARTING
from tests.support.scripted_bank import DECLARATION

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
ENQUIRE, CANCEL = OperationKind.ENQUIRE, OperationKind.CANCEL
# How long ago the last word, and the last send, was: a moment, between silence and age, beyond all.
AGES = [timedelta(seconds=1), timedelta(days=6), timedelta(days=30)]
# What a bank can be asked by: nothing, what it may not have given, what is always there.
ASKED_BY = [None, (EnquiryKey.BANK_REFERENCE,), (EnquiryKey.CONSENT,), (EnquiryKey.END_TO_END_ID,)]
DIFFERENCES = list(product(ASKED_BY, Recovery, [True, False], [None, 300], [LastWord.ACCEPTED, LastWord.COMPLETED]))


def offers(protocol: Declaration) -> Iterator[Declaration]:
    """The protocol with every combination of what decides how payments are followed."""
    for keys, recovery, notifies, proven, last_word in DIFFERENCES:
        operations = protocol.operations - {ENQUIRE} if keys is None else protocol.operations | {ENQUIRE}
        yield replace(
            protocol,
            operations=operations,
            enquiry_keys=keys or (),
            recovery=dict.fromkeys(protocol.recovery, recovery),
            notifications=notifies,
            absence_proven_after_seconds=proven,
            last_word=last_word,
        )


def situations(declaration: Declaration) -> Iterator[Situation]:
    """Every state that a payment at such a bank can be in."""
    kinds = (*declaration.journey, CANCEL)
    for state, operation, kind, has_reference, age in product(
        SubmissionState, OperationState, kinds, [True, False], AGES
    ):
        for status in STATUSES_OF[state]:
            yield Situation(
                now=NOW,
                status=status,
                state=state,
                operation_state=operation,
                operation_kind=kind,
                lease_until=NOW + timedelta(seconds=5) if age is AGES[0] else NOW - age,
                first_sent_at=NOW - age,
                last_sent_at=NOW - age,
                created_at=NOW - age,
                updated_at=NOW - age,
                execute_at=None,
                blocked=False,
                absence_told=has_reference,
                has_bank_reference=has_reference,
                has_consent=has_reference and declaration.sends_payers,
                declaration=declaration,
                policy=PaymentsPolicy(),
                authorisation=_authorising(declaration, has_reference=has_reference),
            )


def _authorising(declaration: Declaration, *, has_reference: bool) -> Authorising | None:
    if not declaration.sends_payers:
        return None
    status = AuthorisationStatus.AWAITING if has_reference else AuthorisationStatus.PLANNED
    return Authorising(status=status, expires_at=None)


@pytest.mark.parametrize("protocol", [DECLARATION, REDIRECTING, STARTING], ids=["plain", "redirecting", "starting"])
@pytest.mark.parametrize("blocked", [True, False], ids=["blocked", "free"])
def test_nothing_rests_in_silence(protocol: Declaration, blocked: bool) -> None:  # noqa: FBT001
    """For every state there is a next step, a later look, a person, an end, or the last word that the bank has."""
    for declaration in offers(protocol):
        for each in situations(declaration):
            it = replace(each, blocked=blocked)
            plan = next_step(it)
            if plan.step is not Step.REST:
                continue
            if plan.at is not None:
                assert plan.at > NOW, it
                continue
            until = reports_until(declaration, it.status, it.updated_at, it.execute_at)
            all_is_said = until is not None and until <= NOW
            is_over, has_person = it.status in FINAL_STATUSES, it.state is SubmissionState.HELD or why_person(it)
            assert is_over or has_person or all_is_said, it


@pytest.mark.parametrize("last_word", LastWord)
@pytest.mark.parametrize("status", PaymentStatus)
def test_only_a_last_word_ends_reports(status: PaymentStatus, last_word: LastWord) -> None:
    """A settled payment is watched for a time, an accepted one too where the bank never says more; no other is."""
    until = reports_until(replace(DECLARATION, last_word=last_word), status, NOW, None)
    ends = status is PaymentStatus.SETTLED or (status is PaymentStatus.ACCEPTED and last_word is LastWord.ACCEPTED)
    assert until == (NOW + timedelta(days=5) if ends else None)


def test_silence_counts_from_when_a_payment_was_to_be_executed() -> None:
    """A bank that keeps a payment until its day says nothing before."""
    later = NOW + timedelta(days=30)
    declaration = replace(DECLARATION, last_word=LastWord.ACCEPTED)
    assert reports_until(declaration, PaymentStatus.ACCEPTED, NOW, later) == later + timedelta(days=5)


def test_the_longer_a_bank_is_silent_the_later_it_is_asked() -> None:
    """Never earlier than the cadence says, and the day of execution is not passed over."""
    soon, day = NOW + timedelta(seconds=60), timedelta(days=1)
    assert watch_at(soon, NOW, NOW, None) == soon
    assert watch_at(soon, NOW, NOW - day, None) == NOW + timedelta(hours=1)
    assert watch_at(soon, NOW, NOW - 48 * day, NOW - day) == NOW + timedelta(hours=1)
    assert watch_at(soon, NOW, NOW - 48 * day, NOW + timedelta(hours=5)) == NOW + timedelta(hours=5)
    assert watch_at(soon, NOW, NOW - day, NOW + 30 * day) == NOW + timedelta(hours=1)
