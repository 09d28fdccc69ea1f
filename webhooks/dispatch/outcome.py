"""What an attempt means for its delivery and its endpoint: a pure decision, and the row that records it."""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kernel.ids import Environment
from webhooks.dispatch.policy import RetryPolicy
from webhooks.health.model import Sighting, Sign
from webhooks.queue.port import Claim, Finish, LaneVerdict, Origin, Retry
from webhooks.sending.model import AttemptResult, Blame, Cause, Decision, LoadedDelivery
from webhooks.sending.schedule import Schedule, delay_before_ms
from webhooks.states import DeliveryState
from webhooks.values import value

_NOTHING = timedelta(0)
_MILLISECOND = timedelta(milliseconds=1)
_CAUSES = {
    Origin.PROBE: Cause.PROBE,
    Origin.LEASE_EXPIRED: Cause.LEASE_EXPIRED,
    Origin.RECONCILED: Cause.RECONCILED,
}
_VERDICTS = {
    Sign.DELIVERED: LaneVerdict.WELL,
    Sign.ABORTED: LaneVerdict.WELL,
    Sign.REFUSED: LaneVerdict.WELL,
    Sign.FAILED: LaneVerdict.FAILED,
    None: LaneVerdict.NONE,
}


class Reason(StrEnum):
    """Why a delivery ended without a 2xx: deliveries.state_reason."""

    STEPS_USED = "steps_used"
    TOO_OLD = "too_old"
    RECEIVER_ABORTED = "receiver_aborted"
    ENDPOINT_DISABLED = "endpoint_disabled"
    ENDPOINT_DELETED = "endpoint_deleted"
    UNREADABLE = "unreadable"  # its body or its endpoint's settings were erased, or do not open


@value
class Attempt:
    """One row of delivery_attempts."""

    id: UUID
    cause: Cause
    result: AttemptResult
    sealed_exchange: bytes


@value
class About:
    """What is told of a delivery that dies. `is_notice`: its event is itself a notice, so nothing is told."""

    event_id: UUID
    environment: Environment
    is_notice: bool


@value
class Outcome:
    """What is to be recorded of a claim: the delivery's next state, its attempt, and what its endpoint looked like.

    `retry` is set while the delivery stays pending; with `keeps_time` its row keeps the time at which it is due.
    `awaits_lane`: the lane failed, so the delivery is due again as soon as the lane is well, but not before `wish` has
    passed. `disables`: the receiver wants nothing more; where that version of the endpoint is gone, the outcome
    `otherwise` takes this one's place: nobody is disabled, and a delivery that was not delivered is tried again.
    """

    claim: Claim
    about: About
    state: DeliveryState
    reason: Reason | None = None
    retry: Retry | None = None
    keeps_time: bool = False
    awaits_lane: bool = False
    wish: timedelta = _NOTHING
    park_ms: int = 0
    attempt: Attempt | None = None
    sighting: Sighting | None = None
    otherwise: "Outcome | None" = None

    @property
    def disables(self) -> bool:
        """Whether the endpoint is to be disabled."""
        return self.otherwise is not None

    def finish(self, retry: Retry | None) -> Finish:
        """What the queue is told once it is committed."""
        verdict = _VERDICTS[self.sighting.sign] if self.sighting else LaneVerdict.NONE
        return Finish(claim=self.claim, retry=retry, verdict=verdict, park_ms=self.park_ms)


@value
class Sendable:
    """A claim with all that its attempt and its record need.

    `read_at` is the monotonic time before which its endpoint's keys were read. `owner_id` is the merchant whose key
    seals. `began_at` is when the present round began, from which age counts. `schedule` is the endpoint's own. `due_ms`
    is how long until the delivery is due: only a probe comes before it. `failed_before`: it has failed already since
    its endpoint began to fail.
    """

    claim: Claim
    delivery: LoadedDelivery
    about: About
    read_at: float
    owner_id: UUID
    began_at: datetime
    schedule: Schedule | None = None
    due_ms: int = 0
    failed_before: bool = False


def cause_of(origin: Origin, round_: int, step: int) -> Cause:
    """Why an attempt is made; a job that had to be found again says so whatever its step."""
    if origin is not Origin.OFFERED:
        return _CAUSES[origin]
    if step > 0:
        return Cause.RETRY
    return Cause.REPLAY if round_ > 0 else Cause.FIRST


def decide(sendable: Sendable, attempt: Attempt, policy: RetryPolicy, now: datetime, jitter: float) -> Outcome:
    """The outcome of one attempt; `jitter` is a random number in [0, 1)."""
    decision = attempt.result.verdict.decision
    outcome = Outcome(
        claim=sendable.claim,
        about=sendable.about,
        state=DeliveryState.DELIVERED,
        attempt=attempt,
        sighting=_sighting(sendable, attempt.result, now),
    )
    if decision is Decision.DELIVERED:
        return replace(outcome, otherwise=outcome) if attempt.result.verdict.is_last else outcome
    match decision:
        case Decision.ABORT:
            return replace(outcome, state=DeliveryState.CANCELLED, reason=Reason.RECEIVER_ABORTED)
        case Decision.RETRY:
            return _again(outcome, sendable, policy, now, jitter)
        case Decision.DISABLE:
            return replace(
                outcome,
                state=DeliveryState.UNDELIVERED,
                reason=Reason.ENDPOINT_DISABLED,
                otherwise=_again(outcome, sendable, policy, now, jitter),
            )


def _again(outcome: Outcome, sendable: Sendable, policy: RetryPolicy, now: datetime, jitter: float) -> Outcome:
    """Pending at the step that is next: another one, or the same where this try was not the step's own."""
    job, sign = sendable.claim.job, outcome.sighting.sign if outcome.sighting else None
    wish_seconds = outcome.attempt.result.verdict.retry_after_seconds if outcome.attempt else None
    wish = timedelta(seconds=wish_seconds or 0)
    outcome = replace(
        outcome,
        state=DeliveryState.PENDING,
        awaits_lane=sign is Sign.FAILED,
        wish=wish,
        park_ms=min(wish, policy.park_max) // _MILLISECOND,
    )
    if sign is Sign.FAILED and sendable.due_ms > 0:
        delay_ms = max(sendable.due_ms, wish // _MILLISECOND)
        return replace(outcome, retry=Retry(round=job.round, step=job.step, delay_ms=delay_ms), keeps_time=True)
    if sign is None:
        step, delay_ms = job.step, policy.ours_wait // _MILLISECOND
    else:
        step, schedule = job.step + 1, sendable.schedule or policy.schedule
        next_ms = delay_before_ms(schedule, step, jitter=jitter, retry_after_seconds=wish_seconds)
        if next_ms is None:
            return _dead(outcome, Reason.STEPS_USED)
        delay_ms = next_ms
    if now + delay_ms * _MILLISECOND - sendable.began_at > policy.age_max:
        return _dead(outcome, Reason.TOO_OLD)
    return replace(outcome, retry=Retry(round=job.round, step=step, delay_ms=delay_ms))


def _dead(outcome: Outcome, reason: Reason) -> Outcome:
    return replace(outcome, state=DeliveryState.DEAD, reason=reason, awaits_lane=False, wish=_NOTHING)


def _sighting(sendable: Sendable, result: AttemptResult, now: datetime) -> Sighting:
    job, delivery, verdict = sendable.claim.job, sendable.delivery, result.verdict
    return Sighting(
        endpoint=(job.partner_id, job.endpoint_id),
        version=delivery.endpoint_version,
        ended_at=now,
        sign=_sign(result),
        is_probe=delivery.cause is Cause.PROBE,
        failed_before=sendable.failed_before,
        retry_after=timedelta(seconds=wish) if (wish := verdict.retry_after_seconds) else _NOTHING,
        certificate_expires_at=result.certificate_expires_at,
    )


def _sign(result: AttemptResult) -> Sign | None:
    verdict = result.verdict
    if verdict.decision is Decision.DELIVERED:
        return Sign.DELIVERED
    if verdict.decision is Decision.ABORT:
        return Sign.ABORTED
    if verdict.is_free:
        return None
    return Sign.REFUSED if verdict.blame is Blame.DELIVERY else Sign.FAILED
