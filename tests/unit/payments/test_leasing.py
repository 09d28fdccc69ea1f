"""When a payment's first lease may be taken with its intent."""

import pytest

from adapters.declaration import EnquiryKey, OperationKind, Quota, Recovery
from payments.recovery.plan import may_lease_at_once
from tests.support.scripted_bank import declared

SUBMIT = OperationKind.SUBMIT


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, True),
        ({"recovery": {SUBMIT: Recovery.RESEND}, "absence_proven_after_seconds": None}, True),
        ({"absence_proven_after_seconds": None}, False),
        ({"recovery": {}}, False),
        ({"enquiry_keys": (EnquiryKey.BANK_REFERENCE,)}, False),
        ({"recovery": {SUBMIT: Recovery.RESEND}, "idempotency": None}, False),
        ({"quotas": (Quota(kinds=frozenset({SUBMIT}), requests=5, window_seconds=1),)}, False),
    ],
)
def test_only_where_a_machine_clears_what_a_death_leaves(changes: dict[str, object], answer: object) -> None:
    """A resend, or an enquiry by a key of ours whose silence is proof in time; and no quota that may refuse it."""
    assert may_lease_at_once(declared(**changes)) is answer
