"""Every pair of state and evidence is decided, and never to the partner's harm."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Evidence, Verdict
from adapters.declaration import OperationKind, Recovery
from kernel.money import Money
from payments.policy import PaymentsPolicy
from payments.recovery.cadence import next_enquiry_at, resubmission_at
from payments.recovery.plan import next_step
from payments.recovery.situation import Situation, Step
from payments.states.decide import ABSENT, Change, Hearing, RefusedMove, Standing, decide
from payments.states.derive import STATUSES_OF, derive_status
from payments.states.document import as_markdown
from payments.states.moves import (
    OPERATOR_MOVES,
    PAYMENT_MOVES,
    SUBMISSION_MOVES,
    payment_may_move,
    rank,
    submission_may_move,
)
from payments.states.names import (
    ENDED_SUBMISSIONS,
    STATUS_SENTENCES,
    SUBMISSION_SENTENCES,
    EvidenceSource,
    OperationState,
    OperatorCode,
    PaymentStatus,
    SubmissionState,
)
from tests.support.scripted_bank import DECLARATION, declared

OURS = Money("GBP", 1234)
REFERENCE = "TN01K9C8W2E4F6G8H0J2K4M6N8P0"
NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
STANDINGS = [(state, status) for state, statuses in STATUSES_OF.items() for status in statuses]
SOURCES = tuple(EvidenceSource)

standings = st.sampled_from(STANDINGS).map(
    lambda pair: Standing(status=pair[1], state=pair[0], amount=OURS, end_to_end_id=REFERENCE)
)
evidences = st.builds(
    Evidence,
    verdict=st.sampled_from(Verdict),
    raw_code=st.sampled_from([None, "ACSC", "RJCT"]),
    amount=st.sampled_from([None, OURS, Money("GBP", 123_400), Money("EUR", 1234)]),
    reference=st.sampled_from([None, REFERENCE, "SOMEBODYELSE"]),
)
hearings = st.builds(Hearing, source=st.sampled_from(SOURCES), absence_proven=st.booleans())


@given(standings, evidences, hearings)
def test_every_pair_is_decided_and_stays_consistent(standing: Standing, evidence: Evidence, hearing: Hearing) -> None:
    """A change is an allowed move of both, and its status is one that its state can have."""
    decided = decide(standing, evidence, hearing)
    if isinstance(decided, RefusedMove):
        assert decided.why
        assert not decided.needs_person or decided.why in set(OperatorCode)
        return
    by_operator = hearing.source is EvidenceSource.OPERATOR
    assert submission_may_move(standing.state, decided.state, by_operator=by_operator)
    assert payment_may_move(standing.status, decided.status)
    assert decided.status in STATUSES_OF[decided.state]


@given(standings, evidences, hearings)
def test_rejected_needs_an_explicit_word_or_a_proof(standing: Standing, evidence: Evidence, hearing: Hearing) -> None:
    """Nothing becomes rejected but by a refusal about our own terms, or an absence that is proven, or seen by two."""
    decided = decide(standing, evidence, hearing)
    if isinstance(decided, RefusedMove) or decided.status is not PaymentStatus.REJECTED:
        return
    if evidence.verdict is Verdict.NOT_FOUND:
        assert (hearing.absence_proven, decided.reason) == (True, ABSENT)
        who = (standing.state, hearing.source)
        by_persons = {(state, EvidenceSource.OPERATOR) for state in (SubmissionState.UNKNOWN, SubmissionState.HELD)}
        assert who in by_persons | {(SubmissionState.UNKNOWN, EvidenceSource.POLL)}
    else:
        assert evidence.verdict is Verdict.REJECTED
        assert evidence.amount in {None, OURS}
        assert evidence.reference in {None, REFERENCE}


@given(standings, evidences, hearings)
def test_success_is_believed_only_about_our_terms(standing: Standing, evidence: Evidence, hearing: Hearing) -> None:
    """Another amount, currency or reference never moves a payment forward."""
    wrong = evidence.amount not in {None, OURS} or evidence.reference not in {None, REFERENCE}
    decided = decide(standing, evidence, hearing)
    if wrong and evidence.verdict not in {Verdict.UNKNOWN, Verdict.NOT_FOUND}:
        assert isinstance(decided, RefusedMove)
        assert decided.needs_person


@given(standings, evidences, hearings)
def test_machines_never_revive_an_ended_submission(standing: Standing, evidence: Evidence, hearing: Hearing) -> None:
    """So no payment ever has two live submissions; a contradiction calls a person."""
    if standing.state not in ENDED_SUBMISSIONS or hearing.source is EvidenceSource.OPERATOR:
        return
    decided = decide(standing, evidence, hearing)
    assert isinstance(decided, RefusedMove) or decided.state is standing.state
    silent = {Verdict.UNKNOWN, Verdict.NOT_FOUND, Verdict.REJECTED, Verdict.CANCELLED}
    if evidence.verdict not in silent:
        assert isinstance(decided, RefusedMove)
        assert decided.needs_person


@given(standings, evidences, hearings)
def test_the_bank_only_moves_a_payment_forward(standing: Standing, evidence: Evidence, hearing: Hearing) -> None:
    """No evidence takes a payment to a lower rank than it had."""
    decided = decide(standing, evidence, hearing)
    if isinstance(decided, Change) and rank(decided.status) > 0:
        assert rank(decided.status) >= rank(standing.status)


def test_rejected_follows_accepted_but_not_settled() -> None:
    """A later refusal ends what was accepted; what was settled needs a person."""
    refusal, heard = Evidence(verdict=Verdict.REJECTED), Hearing(source=EvidenceSource.POLL)
    accepted = _standing(SubmissionState.ACCEPTED, PaymentStatus.ACCEPTED)
    settled = _standing(SubmissionState.SETTLED, PaymentStatus.SETTLED)
    assert isinstance(decide(accepted, refusal, heard), Change)
    assert decide(settled, refusal, heard) == RefusedMove(why="refused_after_settlement", needs_person=True)


def test_both_codes_are_of_the_same_last_word() -> None:
    """A word with one code alone leaves none of an older word beside it; one without codes leaves both."""
    known = _standing(SubmissionState.ACCEPTED, PaymentStatus.ACCEPTED)
    known = replace(known, iso_status="ACSP", raw_status="ACSP")
    heard = Hearing(source=EvidenceSource.RESPONSE)
    cancelled = decide(known, Evidence(verdict=Verdict.CANCELLED, iso_code="CANC"), heard)
    settled = decide(known, Evidence(verdict=Verdict.SETTLED), heard)
    assert isinstance(cancelled, Change)
    assert isinstance(settled, Change)
    assert (cancelled.iso_status, cancelled.raw_status) == ("CANC", None)
    assert (settled.iso_status, settled.raw_status) == ("ACSP", "ACSP")


@pytest.mark.parametrize("source", EvidenceSource)
def test_a_mismatch_is_never_believed(source: EvidenceSource) -> None:
    """A person looks, and nothing moves, but what was just sent: of that the outcome is unknown."""
    wrong, heard = Evidence(verdict=Verdict.SETTLED, amount=Money("GBP", 1)), Hearing(source=source)
    for state, status in STANDINGS:
        decided = decide(_standing(state, status), wrong, heard)
        is_answer = state is SubmissionState.IN_FLIGHT and source is EvidenceSource.RESPONSE
        assert decided == RefusedMove(why="amount_mismatch", needs_person=True, doubts=is_answer)


@pytest.mark.parametrize("state", SubmissionState)
@pytest.mark.parametrize("told", PaymentStatus)
def test_a_status_always_fits_its_state(state: SubmissionState, told: PaymentStatus) -> None:
    """A word that does not fit is not believed."""
    assert derive_status(state, told) in STATUSES_OF[state]
    assert derive_status(state) == STATUSES_OF[state][0]


def test_every_status_belongs_to_a_state_and_can_be_reached() -> None:
    """No status without a state that it is derived from, and none that no move leads to."""
    assert {status for statuses in STATUSES_OF.values() for status in statuses} == set(PaymentStatus)
    first = {PaymentStatus.CREATED, PaymentStatus.QUEUED, PaymentStatus.SCHEDULED}
    assert {target for _, target in PAYMENT_MOVES} | first == set(PaymentStatus)
    assert {target for _, target in SUBMISSION_MOVES} | {SubmissionState.PLANNED} == set(SubmissionState)


def test_states_and_moves_have_sentences_in_the_document() -> None:
    """docs/states.md is made from the tables, so all of them are in it."""
    text = as_markdown()
    for sentence in (*STATUS_SENTENCES.values(), *SUBMISSION_SENTENCES.values(), *PAYMENT_MOVES.values()):
        assert sentence in text
    for sentence in (*SUBMISSION_MOVES.values(), *OPERATOR_MOVES.values()):
        assert sentence.endswith(".")
        assert sentence in text


def _standing(state: SubmissionState, status: PaymentStatus) -> Standing:
    return Standing(status=status, state=state, amount=OURS, end_to_end_id=REFERENCE)


def _situation(state: SubmissionState, status: PaymentStatus, **changes: object) -> Situation:
    fields: dict[str, object] = {
        "now": NOW,
        "status": status,
        "state": state,
        "operation_state": OperationState.UNKNOWN,
        "operation_kind": OperationKind.SUBMIT,
        "lease_until": None,
        "first_sent_at": NOW - timedelta(seconds=60),
        "last_sent_at": NOW - timedelta(seconds=60),
        "created_at": NOW - timedelta(seconds=61),
        "updated_at": NOW - timedelta(seconds=60),
        "execute_at": None,
        "blocked": False,
        "absence_told": False,
        "has_bank_reference": False,
        "declaration": DECLARATION,
        "policy": PaymentsPolicy(),
    }
    return Situation(**{**fields, **changes})  # type: ignore[arg-type]


RULES = (
    DECLARATION,
    declared(recovery={OperationKind.SUBMIT: Recovery.RESEND}),
    declared(recovery={OperationKind.SUBMIT: Recovery.RESEND}, enquiry_keys=()),
    declared(recovery={OperationKind.SUBMIT: Recovery.RESEND}, idempotency=None),
    declared(recovery={}),
)


@pytest.mark.parametrize("declaration", RULES)
@pytest.mark.parametrize(("absent", "blocked"), list(product((True, False), repeat=2)))
def test_bytes_that_may_have_arrived_are_not_sent_as_new(declaration: object, absent: bool, blocked: bool) -> None:  # noqa: FBT001 - pytest gives them
    """Only a planned submission is sent; an unknown one is resent only where the bank declares that it may be."""
    for (state, status), operation in product(STANDINGS, OperationState):
        it = _situation(
            state,
            status,
            operation_state=operation,
            declaration=declaration,
            absence_told=absent,
            blocked=blocked,
        )
        step = next_step(it).step
        if step is Step.SEND:
            assert state is SubmissionState.PLANNED
            assert not blocked
        if step is Step.RESEND:
            assert state is SubmissionState.UNKNOWN
            assert it.declaration.recovery_of(OperationKind.SUBMIT) is Recovery.RESEND
            assert it.declaration.idempotency is not None


def test_a_resend_outside_of_the_window_is_not_made() -> None:
    """After the bank has forgotten the key, the same bytes would be a second payment."""
    old = NOW - timedelta(seconds=86_400)
    unknown = (SubmissionState.UNKNOWN, PaymentStatus.OUTCOME_UNKNOWN)
    it = _situation(*unknown, declaration=RULES[2], first_sent_at=old)
    assert next_step(it).step is Step.HOLD
    assert next_step(_situation(*unknown, declaration=RULES[2])).step is Step.RESEND


def test_a_lease_is_respected_and_then_taken_over() -> None:
    """While the lease runs nobody touches the operation; after it, its outcome is unknown."""
    flying = {"operation_state": OperationState.IN_FLIGHT, "lease_until": NOW + timedelta(seconds=1)}
    both = (SubmissionState.IN_FLIGHT, PaymentStatus.SUBMITTING)
    resting = next_step(_situation(*both, **flying))
    assert (resting.step, resting.at) == (Step.REST, flying["lease_until"])
    assert next_step(_situation(*both, **flying, now=NOW + timedelta(seconds=1))).step is Step.TAKE_OVER


@given(st.integers(0, 10_000), st.one_of(st.none(), st.floats(0, 1e9)))
def test_banks_are_asked_ever_less_often_and_never_early(checks: int, asked: float | None) -> None:
    """Delays grow, the bank's own wish counts, and no payment is forgotten."""
    at = next_enquiry_at(DECLARATION, NOW, checks, asked)
    assert at >= NOW + timedelta(seconds=min(asked or 0, 3_600))
    assert NOW < at <= NOW + timedelta(seconds=3_600)
    assert next_enquiry_at(DECLARATION, NOW, checks + 1, asked) >= at
    assert NOW < resubmission_at(PaymentsPolicy(), NOW, checks + 1, asked) <= NOW + timedelta(seconds=3_600)
