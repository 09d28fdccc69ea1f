"""The public status, derived from the submission's state; written in the same transaction as that."""

from payments.states.names import PaymentStatus as P
from payments.states.names import SubmissionState as S

# Which statuses a payment can have while its last submission is in a state; the first one is the default.
STATUSES_OF: dict[S, tuple[P, ...]] = {
    S.PLANNED: (P.CREATED, P.QUEUED, P.SCHEDULED, P.AWAITING_AUTHORISATION),
    S.IN_FLIGHT: (P.SUBMITTING,),
    S.UNKNOWN: (P.OUTCOME_UNKNOWN,),
    S.HELD: (P.OUTCOME_UNKNOWN,),
    S.ACCEPTED: (P.ACCEPTED, P.AWAITING_AUTHORISATION, P.SUBMITTED),
    S.SETTLED: (P.SETTLED, P.COMPLETED, P.RETURNED),
    S.REJECTED: (P.REJECTED, P.CANCELLED),
    S.NEVER_LEFT: (P.REJECTED, P.CANCELLED, P.EXPIRED),
}


def derive_status(state: S, told: P | None = None) -> P:
    """The payment's status for a submission's state; `told` is the finer word of the bank, the partner or the clock.

    A word that does not fit the state is not believed: the state decides.
    """
    possible = STATUSES_OF[state]
    return told if told in possible else possible[0]
