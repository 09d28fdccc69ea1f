"""What an answer changes while nothing was sent that can move money."""

from dataclasses import replace

import pytest

from adapters.contract import Authorisation, AuthorisationMethod, Evidence, Verdict
from adapters.declaration import Declaration, OperationKind
from adapters.registry import discover
from kernel.money import Money
from payments.states.courses import Course, turn_of
from payments.states.decide import Standing
from payments.states.names import PaymentStatus, SubmissionState

STARTING = discover().declarations["berlin_group"]
REDIRECTING = replace(
    STARTING,
    operations=STARTING.operations | {OperationKind.SUBMIT},
    journey=(OperationKind.CONSENT, OperationKind.AUTHORISE, OperationKind.SUBMIT),
    arms=OperationKind.SUBMIT,
    after_return=OperationKind.AUTHORISE,
)
STANDING = Standing(
    status=PaymentStatus.SUBMITTING, state=SubmissionState.PLANNED, amount=Money("EUR", 1234), end_to_end_id="TN01"
)
WAITING = Evidence(verdict=Verdict.NEEDS_AUTHORISATION, consent_id="c")
APP = Authorisation(method=AuthorisationMethod.DECOUPLED)


@pytest.mark.parametrize(
    ("declaration", "evidence", "course"),
    [
        (STARTING, WAITING, Course.ONWARD),
        (STARTING, replace(WAITING, authorisation=Authorisation()), Course.BEGUN),
        (STARTING, replace(WAITING, authorisation=APP), Course.BEGUN),
        (REDIRECTING, WAITING, Course.AWAIT),
        (REDIRECTING, replace(WAITING, authorisation=Authorisation()), Course.AWAIT),
        (STARTING, replace(WAITING, consent_id=None, authorisation=APP), Course.AGAIN),
        (STARTING, replace(WAITING, amount=Money("EUR", 1), authorisation=APP), Course.REFUSED),
        (STARTING, Evidence(verdict=Verdict.UNKNOWN), Course.AGAIN),
        (STARTING, Evidence(verdict=Verdict.REJECTED), Course.REFUSED),
        (STARTING, Evidence(verdict=Verdict.ACCEPTED), Course.EXECUTED),
    ],
)
def test_a_consents_answer_sets_the_course(declaration: Declaration, evidence: Evidence, course: Course) -> None:
    """Onward to the start of the authorisation, or to the payer; a bank that began it is not asked to begin."""
    assert turn_of(declaration, OperationKind.CONSENT, STANDING, evidence).course is course
