"""The references that a bank sees. They are made from our ids, so that they are unique and say nothing to others."""

from uuid import UUID

from adapters.declaration import Declaration
from kernel.ids import Kind, to_text

_ID_LENGTH = 26


def end_to_end_id(submission_id: UUID) -> str:
    """The submission's reference: 28 characters of [A-Z0-9], within ISO 20022's 35.

    It is the submission's and not the partner's, because banks are asked by it: two payments of two partners, or two
    submissions of one payment, must never share it.
    """
    return f"TN{_bare(submission_id).upper()}"


def idempotency_key(operation_id: UUID, declaration: Declaration) -> str:
    """The operation's key at the bank, from its id: 26 characters of [a-z0-9].

    Raises ValueError where the bank's keys are shorter: a cut key would no longer be unique.
    """
    idempotency = declaration.idempotency
    if idempotency is not None and idempotency.max_length < _ID_LENGTH:
        raise ValueError("this bank's idempotency keys are too short for ours")
    return _bare(operation_id)


def _bare(identifier: UUID) -> str:
    return to_text(Kind.PAYMENT, identifier).rpartition("_")[2]
