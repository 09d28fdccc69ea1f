"""What is decided before anything was sent that can move money: every pair, and never to the payer's harm."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Evidence, Grant, Verdict
from adapters.declaration import EnquiryKey, OperationKind, Recovery
from kernel.masked import Secret
from kernel.money import Money
from payments.journeys.handshakes import Invitation, new_handshake, state_digest
from payments.policy import PaymentsPolicy
from payments.recovery.plan import next_step
from payments.recovery.situation import Authorising, Plan, Situation, Step, Tries
from payments.states.courses import Course, turn_of
from payments.states.decide import Standing
from payments.states.names import AuthorisationStatus, OperationState, PaymentStatus, SubmissionState
from tests.support.payer_bank import CONFIRMING, REDIRECTING, STARTING

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
OURS = Money("GBP", 1234)
STANDING = Standing(status=PaymentStatus.CREATED, state=SubmissionState.PLANNED, amount=OURS, end_to_end_id="TN0")
CONSENT, AUTHORISE, SUBMIT = OperationKind.CONSENT, OperationKind.AUTHORISE, OperationKind.SUBMIT
FUNDS = OperationKind.CONFIRM_FUNDS
grants = st.sampled_from([None, Grant(access_token=Secret("t"))])
evidences = st.builds(
    Evidence,
    verdict=st.sampled_from(Verdict),
    amount=st.sampled_from([None, OURS, Money("GBP", 1)]),
    consent_id=st.sampled_from([None, "C-1"]),
    bank_reference=st.sampled_from([None, "B-1"]),
    grant=grants,
)


@given(st.sampled_from([REDIRECTING, STARTING]), evidences)
def test_a_consent_leads_on_only_as_one_to_our_terms(declaration: object, evidence: Evidence) -> None:
    """Silence costs another try, a refusal ends it, and nobody is sent to consent to anything else."""
    turn = turn_of(declaration, CONSENT, STANDING, evidence)  # type: ignore[arg-type]
    if turn.course in {Course.AWAIT, Course.ONWARD}:
        assert evidence.verdict is Verdict.NEEDS_AUTHORISATION
        assert evidence.amount in {None, OURS}
        assert evidence.consent_id or evidence.bank_reference
    if evidence.verdict in {Verdict.UNKNOWN, Verdict.NOT_FOUND}:
        assert turn.course is Course.AGAIN
    if evidence.verdict in {Verdict.ACCEPTED, Verdict.PENDING, Verdict.SETTLED, Verdict.COMPLETED, Verdict.RETURNED}:
        assert turn.course is Course.EXECUTED


@given(evidences, st.sampled_from([None, "C-1", "C-2"]))
def test_a_code_leads_on_with_access_to_its_consent_or_is_lost(evidence: Evidence, consent_id: str | None) -> None:
    """There is no third way: it is never exchanged again, and access to another consent is shown to a person."""
    turn = turn_of(REDIRECTING, AUTHORISE, replace(STANDING, consent_id=consent_id), evidence)
    granted = evidence.verdict is Verdict.ACCEPTED and evidence.grant is not None
    ours = evidence.consent_id in {None, consent_id}
    assert turn.course is (Course.ONWARD if granted and ours else Course.LOST)
    assert turn.needs_person is (granted and not ours)


@given(evidences)
def test_only_a_plain_no_to_the_question_of_funds_ends_the_payment(evidence: Evidence) -> None:
    """Everything else leads on to the payment, at which the bank decides."""
    turn = turn_of(CONFIRMING, FUNDS, STANDING, evidence)
    assert turn.course is (Course.REFUSED if evidence.verdict is Verdict.REJECTED else Course.ONWARD)


def test_the_question_of_funds_is_asked_once() -> None:
    """What became of it is not waited for: the payment follows, also where the bank is not asked any more."""
    for declaration, state in product((CONFIRMING, REDIRECTING), ("unknown", "never_left")):
        it = situation(declaration=declaration, operation_kind=FUNDS, operation_state=OperationState(state))
        assert next_step(it) == Plan(step=Step.ONWARD, kind=SUBMIT)
    ended = Authorising(status=AuthorisationStatus.GRANTED, expires_at=NOW)
    assert next_step(situation(operation_kind=FUNDS, authorisation=ended)).step is Step.EXPIRE


def test_the_payer_is_waited_for_where_a_code_is_brought_and_only_there() -> None:
    """Elsewhere the next call begins the authorisation."""
    prepared = Evidence(verdict=Verdict.NEEDS_AUTHORISATION, bank_reference="B-1", consent_id="C-1")
    assert turn_of(REDIRECTING, CONSENT, STANDING, prepared).course is Course.AWAIT
    assert turn_of(STARTING, CONSENT, STANDING, prepared).course is Course.ONWARD


def situation(**changes: object) -> Situation:
    fields: dict[str, object] = {
        "now": NOW,
        "status": PaymentStatus.CREATED,
        "state": SubmissionState.PLANNED,
        "operation_state": OperationState.UNKNOWN,
        "operation_kind": CONSENT,
        "lease_until": None,
        "first_sent_at": NOW - timedelta(seconds=60),
        "last_sent_at": NOW - timedelta(seconds=60),
        "created_at": NOW - timedelta(seconds=61),
        "updated_at": NOW - timedelta(seconds=60),
        "execute_at": None,
        "blocked": False,
        "absence_told": False,
        "has_bank_reference": True,
        "declaration": REDIRECTING,
        "policy": PaymentsPolicy(),
        "authorisation": Authorising(status=AuthorisationStatus.PLANNED, expires_at=None),
    }
    return Situation(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("declaration", [REDIRECTING, CONFIRMING, STARTING])
@pytest.mark.parametrize("blocked", [True, False])
def test_what_can_pay_is_sent_once_in_every_situation(declaration: object, blocked: bool) -> None:  # noqa: FBT001
    """What arms a payment goes out from the plan only, and again by the declared recovery; a code goes out once."""
    kinds = (CONSENT, AUTHORISE, FUNDS, SUBMIT, OperationKind.CANCEL)
    for kind, state, operation in product(kinds, SubmissionState, OperationState):
        it = situation(
            declaration=declaration,
            state=state,
            operation_kind=kind,
            operation_state=operation,
            blocked=blocked,
            status=PaymentStatus.AWAITING_AUTHORISATION,
        )
        plan, rules = next_step(it), it.declaration
        if plan.step is Step.SEND and kind is not OperationKind.CANCEL:
            assert operation is OperationState.PLANNED
            assert state is SubmissionState.PLANNED
            assert not blocked
        if plan.step is Step.AGAIN and state is SubmissionState.PLANNED:
            assert plan.kind is not None
            assert not rules.is_armed_by(plan.kind)
            assert plan.kind is not rules.after_return
        if plan.step is Step.ONWARD:
            assert (kind, plan.kind, state) == (FUNDS, rules.arms, SubmissionState.PLANNED)
            assert not blocked
        if plan.step is Step.RESEND:
            assert kind is not rules.after_return
            assert rules.recovery_of(rules.arms if rules.is_armed_by(kind) else kind) is Recovery.RESEND


def test_a_lost_exchange_and_a_payer_who_does_not_come_end_the_payment() -> None:
    """Each with its own reason; before its time the payer is waited for."""
    lost = next_step(situation(operation_kind=AUTHORISE))
    assert (lost.step, lost.reason) == (Step.EXPIRE, "authorisation_lost")
    until = NOW + timedelta(seconds=1)
    awaiting = Authorising(status=AuthorisationStatus.AWAITING, expires_at=until)
    waiting = situation(operation_state=OperationState.ANSWERED, authorisation=awaiting)
    assert (next_step(waiting).step, next_step(waiting).at) == (Step.REST, until)
    gone = next_step(replace(waiting, now=until))
    assert (gone.step, gone.reason) == (Step.EXPIRE, "authorisation_expired")


def test_a_bank_that_is_asked_by_the_consent_is_asked_when_no_repeat_is_allowed_any_more() -> None:
    """A consent tells that it was used, and not what became of the payment: a repeat under the same key tells both."""
    asked_by_consent = replace(REDIRECTING, enquiry_keys=(EnquiryKey.BANK_REFERENCE, EnquiryKey.CONSENT))
    held = Authorising(status=AuthorisationStatus.GRANTED, expires_at=None)
    lost = situation(
        declaration=asked_by_consent,
        status=PaymentStatus.OUTCOME_UNKNOWN,
        state=SubmissionState.UNKNOWN,
        operation_kind=SUBMIT,
        has_bank_reference=False,
        has_consent=True,
        authorisation=held,
    )
    assert next_step(lost).step is Step.RESEND
    assert next_step(replace(lost, blocked=True)).step is Step.REST
    over = replace(lost, authorisation=replace(held, expires_at=NOW))
    assert next_step(over).step is Step.ENQUIRE


def test_a_payer_whose_bank_waits_for_them_is_withdrawn_in_time_and_once() -> None:
    """Where nothing was told of the way there it is asked for again first, three times at most."""
    told = Authorising(status=AuthorisationStatus.AWAITING, expires_at=NOW)
    at_bank = situation(
        declaration=STARTING,
        state=SubmissionState.ACCEPTED,
        status=PaymentStatus.AWAITING_AUTHORISATION,
        operation_kind=AUTHORISE,
        operation_state=OperationState.ANSWERED,
        authorisation=told,
    )
    assert (next_step(at_bank).step, next_step(at_bank).kind) == (Step.AGAIN, OperationKind.CANCEL)
    assert next_step(replace(at_bank, operation_kind=OperationKind.CANCEL)).step is Step.ENQUIRE
    assert next_step(replace(at_bank, now=NOW - timedelta(seconds=1))).step is Step.ENQUIRE
    untold = replace(told, status=AuthorisationStatus.PLANNED, expires_at=None)
    again = next_step(replace(at_bank, authorisation=untold))
    assert (again.step, again.kind) == (Step.AGAIN, AUTHORISE)
    tired = replace(at_bank, authorisation=untold, tries={AUTHORISE: Tries(calls=3, left=3)})
    assert next_step(tired).step is Step.ENQUIRE


def test_what_is_lost_of_one_kind_takes_no_try_from_another() -> None:
    """Lost consents leave the starts and the withdrawal as they were, and what never left us was no start."""
    told = Authorising(status=AuthorisationStatus.AWAITING, expires_at=NOW)
    at_bank = situation(
        declaration=STARTING,
        state=SubmissionState.ACCEPTED,
        status=PaymentStatus.AWAITING_AUTHORISATION,
        operation_kind=AUTHORISE,
        operation_state=OperationState.ANSWERED,
        authorisation=told,
        tries={CONSENT: Tries(calls=20, left=20), AUTHORISE: Tries(calls=9, left=2)},
    )
    assert next_step(at_bank).kind is OperationKind.CANCEL
    untold = replace(told, status=AuthorisationStatus.PLANNED, expires_at=None)
    assert next_step(replace(at_bank, authorisation=untold)).kind is AUTHORISE
    spent = {OperationKind.CANCEL: Tries(calls=20, left=20)}
    assert next_step(replace(at_bank, tries=spent)).step is Step.ENQUIRE
    lost = situation(declaration=STARTING, tries={CONSENT: Tries(calls=19, left=19), AUTHORISE: Tries(calls=9)})
    assert next_step(lost).step is Step.AGAIN
    given_up = next_step(replace(lost, tries={CONSENT: Tries(calls=20, left=0)}))
    assert (given_up.step, given_up.reason) == (Step.EXPIRE, "bank_unreachable")


def test_what_binds_a_payer_is_new_each_time_and_kept_whole() -> None:
    """Nobody can guess it, and the table holds only the digest of what finds them."""
    first, second = (new_handshake("https://api.example/banks/b/callback") for _ in range(2))
    values = [each.reveal() for one in (first, second) for each in (one.state, one.nonce, one.code_verifier)]
    assert len(set(values)) == 6
    assert all(len(value) >= 43 for value in values)
    invitation = Invitation(handshake=first, url=Secret("https://bank.example"), return_url="https://shop.example")
    brought = invitation.with_code("c")
    assert Invitation.from_json(brought.to_json()) == brought
    assert first.state.reveal().encode() not in state_digest(first.state.reveal())
    assert first.state.reveal() not in repr(invitation)
