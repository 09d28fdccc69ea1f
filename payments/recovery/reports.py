"""What a bank may still say of a payment that it has, and until when. Pure.

A bank that never reports more than acceptance leaves its payments accepted: they are not called paid without evidence,
and not asked about for ever either. Until when a report is expected is told to whoever reads the payment.
"""

from datetime import datetime, timedelta

from adapters.declaration import Declaration
from payments.states.moves import rank
from payments.states.names import PaymentStatus

# Of a payment that waits for its payer, or of which nothing is promised, no word is the last.
CAN_BE_LAST = frozenset({PaymentStatus.ACCEPTED, PaymentStatus.SETTLED})


def is_last_word(declaration: Declaration, status: PaymentStatus) -> bool:
    """Whether the bank owes no further report. Once the debtor has paid, what is left may be another bank's to say."""
    if status not in CAN_BE_LAST:
        return False
    return status is PaymentStatus.SETTLED or rank(status) >= rank(PaymentStatus(declaration.last_word.value))


def reports_until(
    declaration: Declaration, status: PaymentStatus, heard_at: datetime, execute_at: datetime | None
) -> datetime | None:
    """Until when a further report is expected, if nothing is heard; None where one is owed, or the payment has ended.

    `heard_at` is when the payment last changed; a bank that keeps a payment until its `execute_at` is silent from then.
    """
    if not is_last_word(declaration, status):
        return None
    return max(heard_at, execute_at or heard_at) + timedelta(seconds=declaration.silent_after_seconds)
