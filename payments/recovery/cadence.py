"""When to ask a bank again. Pure: the declaration's delays, what the bank asked for, and nothing else."""

from datetime import datetime, timedelta

from adapters.declaration import Declaration
from payments.policy import PaymentsPolicy, at_step

# A bank may ask us to wait, but not so long that a payment is forgotten.
RETRY_AFTER_MAX_SECONDS = 3_600


def next_enquiry_at(
    declaration: Declaration, now: datetime, checks: int, retry_after_seconds: float | None = None
) -> datetime:
    """When the enquiry after `checks` fruitless ones is due; never earlier than the bank asked for."""
    asked = min(retry_after_seconds or 0, RETRY_AFTER_MAX_SECONDS)
    return now + timedelta(seconds=max(declaration.poll_delay_seconds(checks), asked))


def resubmission_at(
    policy: PaymentsPolicy, now: datetime, sequence: int, retry_after_seconds: float | None
) -> datetime:
    """When the submission after number `sequence` (from 1), of which no byte left, is due."""
    asked = min(retry_after_seconds or 0, RETRY_AFTER_MAX_SECONDS)
    return now + timedelta(seconds=max(at_step(policy.resubmit_delays_seconds, sequence - 1), asked))
