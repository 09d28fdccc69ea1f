"""Every move that is allowed, each with a sentence. What is not in these tables does not happen.

The tables are what docs/states.md is made from, and `is_allowed` is asked by everything that writes a state.
"""

from payments.states.names import PaymentStatus as P
from payments.states.names import SubmissionState as S

SUBMISSION_MOVES: dict[tuple[S, S], str] = {
    (S.PLANNED, S.IN_FLIGHT): "A process took the lease and is about to send.",
    (S.PLANNED, S.NEVER_LEFT): "It was withdrawn or refused, or its time ended, before anything was sent that can pay.",
    (S.IN_FLIGHT, S.PLANNED): "No byte was written, and what the payer authorised still holds.",
    (S.IN_FLIGHT, S.NEVER_LEFT): "Our own transport proves that no byte was written.",
    (S.IN_FLIGHT, S.UNKNOWN): "Bytes left and no answer can be believed, or the process that sent it went away.",
    (S.IN_FLIGHT, S.ACCEPTED): "The bank answered that it has it.",
    (S.IN_FLIGHT, S.SETTLED): "The bank answered that it is executed.",
    (S.IN_FLIGHT, S.REJECTED): "The bank answered with an explicit refusal.",
    (S.UNKNOWN, S.HELD): "Nothing the bank declares can tell more.",
    (S.UNKNOWN, S.ACCEPTED): "Evidence shows that the bank has it.",
    (S.UNKNOWN, S.SETTLED): "Evidence shows that the bank executed it.",
    (S.UNKNOWN, S.REJECTED): "The bank refused it, or its enquiry proves that it never arrived.",
    (S.HELD, S.ACCEPTED): "Late evidence, or two persons, say that the bank has it.",
    (S.HELD, S.SETTLED): "Late evidence, or two persons, say that the bank executed it.",
    (S.HELD, S.REJECTED): "Late evidence, or two persons, say that the bank has it not.",
    (S.ACCEPTED, S.SETTLED): "The bank reports that it is executed.",
    (S.ACCEPTED, S.REJECTED): "The bank refuses it after it had taken it (a later pain.002 may say so).",
}

# What only two persons may do: correct an end that the bank itself contradicted.
OPERATOR_MOVES: dict[tuple[S, S], str] = {
    (S.REJECTED, S.ACCEPTED): "Two persons confirm that the bank has what it had refused.",
    (S.REJECTED, S.SETTLED): "Two persons confirm that the bank executed what it had refused.",
    (S.NEVER_LEFT, S.ACCEPTED): "Two persons confirm that the bank has what was not to be sent any more.",
    (S.NEVER_LEFT, S.SETTLED): "Two persons confirm that the bank executed what was not to be sent any more.",
}

_HEARD = (P.AWAITING_AUTHORISATION, P.SUBMITTED, P.ACCEPTED, P.SETTLED, P.COMPLETED, P.RETURNED)
_PROGRESS = {
    P.AWAITING_AUTHORISATION: "the bank waits for the payer to authorise it.",
    P.SUBMITTED: "the bank has it and promises nothing yet.",
    P.ACCEPTED: "the bank accepts it for execution.",
    P.SETTLED: "the bank settled the debtor's side.",
    P.COMPLETED: "the bank credited the creditor.",
    P.RETURNED: "the money came back.",
}


def _progress(origin: P, prefix: str) -> dict[tuple[P, P], str]:
    """The bank's word only moves a payment forward: from `origin` to each status of a higher rank."""
    start = _HEARD.index(origin) + 1 if origin in _HEARD else 0
    return {(origin, target): f"{prefix} {_PROGRESS[target]}" for target in _HEARD[start:]}


def _corrected(end: P) -> dict[tuple[P, P], str]:
    """What a bank contradicts by its deeds is put right by two persons, never by a machine (OPERATOR_MOVES)."""
    return {
        (end, P.ACCEPTED): "Two persons confirm that the bank has it.",
        (end, P.SETTLED): "Two persons confirm that the bank executed it.",
        (end, P.COMPLETED): "Two persons confirm that the creditor was credited.",
    }


PAYMENT_MOVES: dict[tuple[P, P], str] = {
    (P.CREATED, P.SUBMITTING): "The call to the bank begins.",
    (P.CREATED, P.QUEUED): "Its bank, partner or client was suspended before the call began.",
    (P.CREATED, P.CANCELLED): "The partner withdrew it before the call began.",
    (P.CREATED, P.EXPIRED): "It grew too old before the call began.",
    (P.CREATED, P.AWAITING_AUTHORISATION): "The bank waits for the payer to authorise it.",
    (P.CREATED, P.REJECTED): "The bank refused to prepare it.",
    (P.QUEUED, P.AWAITING_AUTHORISATION): "The bank waits for the payer to authorise it.",
    (P.QUEUED, P.REJECTED): "The bank refused to prepare it, or cannot be reached and no more tries are made.",
    (P.AWAITING_AUTHORISATION, P.SUBMITTING): "The payer authorised it, and the call that pays begins.",
    (P.AWAITING_AUTHORISATION, P.QUEUED): "The payer came back while its bank, partner or client was suspended.",
    (P.AWAITING_AUTHORISATION, P.EXPIRED): "Nobody came in time, or what the payer brought is used up.",
    (P.QUEUED, P.SUBMITTING): "What it waited for is available again.",
    (P.QUEUED, P.CANCELLED): "The partner withdrew it while it waited.",
    (P.QUEUED, P.EXPIRED): "It grew too old while it waited.",
    (P.SCHEDULED, P.SUBMITTING): "Its execution time has come.",
    (P.SCHEDULED, P.QUEUED): "Its time has come, but its bank, partner or client is suspended.",
    (P.SCHEDULED, P.CANCELLED): "The partner withdrew it before its time.",
    (P.SCHEDULED, P.EXPIRED): "Its execution window passed.",
    (
        P.SUBMITTING,
        P.QUEUED,
    ): "No byte was written, or the bank refused it and another can be tried: one more is planned.",
    (P.SUBMITTING, P.OUTCOME_UNKNOWN): "Bytes left and no answer can be believed.",
    (P.SUBMITTING, P.CANCELLED): "The bank answered that it withdrew it.",
    (P.OUTCOME_UNKNOWN, P.CANCELLED): "Evidence shows that the bank withdrew it.",
    (P.SUBMITTING, P.REJECTED): "The bank refused it, or no byte could be written and no more tries are made.",
    (P.OUTCOME_UNKNOWN, P.REJECTED): "Evidence shows that no money moved.",
    (P.AWAITING_AUTHORISATION, P.REJECTED): "The bank or the payer refused it.",
    (P.AWAITING_AUTHORISATION, P.CANCELLED): "The partner or the bank withdrew it.",
    (P.SUBMITTED, P.REJECTED): "The bank refused it after it had taken it.",
    (P.SUBMITTED, P.CANCELLED): "The bank confirmed that it withdrew it.",
    (P.ACCEPTED, P.REJECTED): "The bank refused it after it had accepted it.",
    (P.ACCEPTED, P.CANCELLED): "The bank confirmed that it withdrew it.",
    **_corrected(P.REJECTED),
    **_corrected(P.CANCELLED),
    **_corrected(P.EXPIRED),
    **_progress(P.SUBMITTING, "The bank answered:"),
    **_progress(P.OUTCOME_UNKNOWN, "Evidence came:"),
    **_progress(P.AWAITING_AUTHORISATION, "A later report:"),
    **_progress(P.SUBMITTED, "A later report:"),
    **_progress(P.ACCEPTED, "A later report:"),
    **_progress(P.SETTLED, "A later report:"),
    **_progress(P.COMPLETED, "A later report:"),
}


def rank(status: P) -> int:
    """How far the bank's word has carried a payment; 0 before any word."""
    return _HEARD.index(status) + 1 if status in _HEARD else 0


def submission_may_move(origin: S, target: S, *, by_operator: bool = False) -> bool:
    """Whether a submission may go from one state to another; staying is always allowed."""
    pair = (origin, target)
    return origin == target or pair in SUBMISSION_MOVES or (by_operator and pair in OPERATOR_MOVES)


def payment_may_move(origin: P, target: P) -> bool:
    """Whether a payment may go from one status to another; staying is always allowed."""
    return origin == target or (origin, target) in PAYMENT_MOVES
