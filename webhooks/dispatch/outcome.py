"""What an attempt means for its delivery: a pure decision, and the row that records it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kernel.ids import time_of
from webhooks.dispatch.policy import RetryPolicy
from webhooks.queue.port import Claim, Origin, Retry
from webhooks.sending.model import AttemptResult, Blame, Cause, Decision, LoadedDelivery
from webhooks.sending.schedule import delay_before_ms
from webhooks.states import DeliveryState


class Reason(StrEnum):
    """Why a delivery ended without a 2xx: deliveries.state_reason."""

    STEPS_USED = "steps_used"
    TOO_OLD = "too_old"
    RECEIVER_ABORTED = "receiver_aborted"
    ENDPOINT_DISABLED = "endpoint_disabled"
    ENDPOINT_DELETED = "endpoint_deleted"
    UNREADABLE = "unreadable"  # its body or its endpoint's settings were erased, or do not open


class Effect(StrEnum):
    """What an attempt changes at its endpoint, if that is still the version it was sent to."""

    DISABLE = "disable"
    FAILING = "failing"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One row of delivery_attempts."""

    id: UUID
    cause: Cause
    result: AttemptResult
    sealed_exchange: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is to be recorded of a claim: the delivery's next state, its attempt, and the effect on its endpoint.

    `retry` is set while the delivery stays pending. `otherwise` takes the place of an outcome whose effect no longer
    applies: an endpoint that changed since is not disabled, and its delivery is tried again.
    """

    claim: Claim
    state: DeliveryState
    reason: Reason | None = None
    retry: Retry | None = None
    attempt: Attempt | None = None
    effect: Effect | None = None
    endpoint_version: int = 0
    otherwise: "Outcome | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sendable:
    """A claim with all that its attempt and its record need. `owner_id` is the merchant whose key seals."""

    claim: Claim
    delivery: LoadedDelivery
    owner_id: UUID
    concurrency: int
    is_failing: bool


def cause_of(origin: Origin, round_: int, step: int) -> Cause:
    """Why an attempt is made; a job that had to be found again says so whatever its step."""
    if origin is Origin.LEASE_EXPIRED:
        return Cause.LEASE_EXPIRED
    if origin is Origin.RECONCILED:
        return Cause.RECONCILED
    if step > 0:
        return Cause.RETRY
    return Cause.REPLAY if round_ > 0 else Cause.FIRST


def decide(sendable: Sendable, attempt: Attempt, policy: RetryPolicy, now: datetime, jitter: float) -> Outcome:
    """The outcome of one attempt; `jitter` is a random number in [0, 1)."""
    outcome = Outcome(
        claim=sendable.claim,
        state=DeliveryState.DELIVERED,
        attempt=attempt,
        effect=_effect(sendable, attempt.result),
        endpoint_version=sendable.delivery.endpoint_version,
    )
    match attempt.result.verdict.decision:
        case Decision.DELIVERED:
            return outcome
        case Decision.ABORT:
            return replace(outcome, state=DeliveryState.CANCELLED, reason=Reason.RECEIVER_ABORTED)
        case Decision.RETRY:
            return _retried(outcome, attempt.result, policy, now, jitter)
        case Decision.DISABLE:
            return replace(
                outcome,
                state=DeliveryState.UNDELIVERED,
                reason=Reason.ENDPOINT_DISABLED,
                otherwise=_retried(replace(outcome, effect=None), attempt.result, policy, now, jitter),
            )


def lane_cap(sendable: Sendable, result: AttemptResult) -> int:
    """How many of the lane may be in flight from now on: a lane that fails as such gets one try at a time."""
    return 1 if result.verdict.blame is Blame.LANE else sendable.concurrency


def _retried(outcome: Outcome, result: AttemptResult, policy: RetryPolicy, now: datetime, jitter: float) -> Outcome:
    job = outcome.claim.job
    wish = result.verdict.retry_after_seconds
    delay_ms = delay_before_ms(policy.schedule, job.step + 1, jitter=jitter, retry_after_seconds=wish)
    if delay_ms is None:
        return replace(outcome, state=DeliveryState.DEAD, reason=Reason.STEPS_USED)
    if now + timedelta(milliseconds=delay_ms) - time_of(job.delivery_id) > policy.age_max:
        return replace(outcome, state=DeliveryState.DEAD, reason=Reason.TOO_OLD)
    retry = Retry(round=job.round, step=job.step + 1, delay_ms=delay_ms)
    return replace(outcome, state=DeliveryState.PENDING, retry=retry)


def _effect(sendable: Sendable, result: AttemptResult) -> Effect | None:
    decision, is_failing = result.verdict.decision, sendable.is_failing
    if decision is Decision.DISABLE:
        return Effect.DISABLE
    if decision is Decision.DELIVERED:
        return Effect.RECOVERED if is_failing else None
    return Effect.FAILING if result.verdict.blame is Blame.LANE and not is_failing else None
