"""When to ask a bank again. Pure: the declaration's delays, what the bank asked for, and how long it was silent."""

from datetime import datetime, timedelta

from adapters.declaration import Declaration
from payments.policy import PaymentsPolicy, at_step

# A payment that the bank has is asked about again when this part of its silence has passed once more.
_SILENCE_PART = 24
# A bank may ask us to wait, but not so long that a payment is forgotten.
RETRY_AFTER_MAX_SECONDS = 3_600


def next_enquiry_at(
    declaration: Declaration, now: datetime, checks: int, retry_after_seconds: float | None = None
) -> datetime:
    """When the enquiry after `checks` fruitless ones is due; never earlier than the bank asked for."""
    asked = min(retry_after_seconds or 0, RETRY_AFTER_MAX_SECONDS)
    return now + timedelta(seconds=max(declaration.poll_delay_seconds(checks), asked))


def watch_at(asked_at: datetime, now: datetime, heard_at: datetime, execute_at: datetime | None) -> datetime:
    """When a payment that the bank has is asked about, where the cadence says `asked_at`: the longer silent, the later.

    It is silent since its last news, or since it was to be executed; the time of that is not passed over.
    """
    if execute_at is not None and now < execute_at:
        return max(asked_at, min(execute_at, now + (now - heard_at) / _SILENCE_PART))
    silent = now - max(heard_at, execute_at or heard_at)
    return max(asked_at, now + silent / _SILENCE_PART)


def resubmission_at(
    policy: PaymentsPolicy, now: datetime, sequence: int, retry_after_seconds: float | None
) -> datetime:
    """When the submission after number `sequence` (from 1), of which no byte left, is due."""
    asked = min(retry_after_seconds or 0, RETRY_AFTER_MAX_SECONDS)
    return now + timedelta(seconds=max(at_step(policy.resubmit_delays_seconds, sequence - 1), asked))
