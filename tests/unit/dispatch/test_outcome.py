"""What an attempt means for its delivery."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kernel.ids import NIL, Environment, Tenant, first_id_at
from webhooks.dispatch.outcome import Attempt, Effect, Outcome, Reason, Sendable, cause_of, decide, lane_cap
from webhooks.dispatch.policy import RetryPolicy
from webhooks.queue.port import Claim, Job, Origin, Retry
from webhooks.sending.model import AttemptResult, Blame, Cause, Decision, LoadedDelivery, Timings, Verdict
from webhooks.states import DELIVERY_MOVES, DeliveryState

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
POLICY = RetryPolicy()
JOB = Job(partner_id=NIL, endpoint_id=NIL, delivery_id=first_id_at(NOW), step=2)
SENDABLE = Sendable(
    claim=Claim(job=JOB, fence=1),
    owner_id=NIL,
    concurrency=7,
    is_failing=False,
    delivery=LoadedDelivery(
        tenant=Tenant(NIL, Environment.TEST),
        delivery_id=JOB.delivery_id,
        event_id=NIL,
        endpoint_id=NIL,
        endpoint_version=3,
        url="https://merchant.example",
        secrets=(),
        body=b"",
        round=0,
        step=2,
        cause=Cause.RETRY,
    ),
)


def _attempt(verdict: Verdict) -> Attempt:
    timings = Timings(total_us=1)
    result = AttemptResult(
        started_at=NOW, status_code=None, error_class=None, timings=timings, exchange=b"", verdict=verdict
    )
    return Attempt(id=NIL, cause=Cause.RETRY, result=result, sealed_exchange=b"")


def _decided(
    decision: Decision,
    sendable: Sendable = SENDABLE,
    *,
    now: datetime = NOW,
    blame: Blame | None = None,
    after: int = 0,
) -> Outcome:
    verdict = Verdict(decision=decision, blame=blame, retry_after_seconds=after or None)
    return decide(sendable, _attempt(verdict), POLICY, now, 0.0)


def test_a_success_ends_the_delivery() -> None:
    """A 2xx is delivered, whatever came before."""
    outcome = _decided(Decision.DELIVERED)
    assert (outcome.state, outcome.reason, outcome.retry, outcome.effect) == (DeliveryState.DELIVERED, None, None, None)


def test_a_failure_waits_for_the_next_step() -> None:
    """A failure stays pending at the next step, after that step's delay."""
    outcome = _decided(Decision.RETRY)
    assert outcome.state is DeliveryState.PENDING
    assert outcome.retry == Retry(round=0, step=3, delay_ms=1_800_000)


def test_a_receivers_wish_is_never_undercut() -> None:
    """Retry-After lengthens the wait."""
    retry = _decided(Decision.RETRY, after=7_200).retry
    assert retry is not None
    assert retry.delay_ms == 7_200_000


def test_used_steps_are_dead() -> None:
    """After the last step the delivery is dead."""
    last = replace(SENDABLE, claim=Claim(job=replace(JOB, step=9), fence=1))
    outcome = _decided(Decision.RETRY, last)
    assert (outcome.state, outcome.reason) == (DeliveryState.DEAD, Reason.STEPS_USED)


def test_age_is_dead() -> None:
    """A delivery that would be too old at its next try is dead now."""
    outcome = _decided(Decision.RETRY, now=NOW + timedelta(days=5))
    assert (outcome.state, outcome.reason) == (DeliveryState.DEAD, Reason.TOO_OLD)


def test_an_abort_cancels() -> None:
    """The receiver wants no more of this message, and its endpoint stays as it is."""
    outcome = _decided(Decision.ABORT, blame=Blame.DELIVERY)
    assert (outcome.state, outcome.reason, outcome.effect) == (
        DeliveryState.CANCELLED,
        Reason.RECEIVER_ABORTED,
        None,
    )


def test_a_disable_knows_what_else_to_do() -> None:
    """Where the endpoint has changed since, the delivery is tried again instead."""
    outcome = _decided(Decision.DISABLE, blame=Blame.LANE)
    assert (outcome.state, outcome.effect, outcome.endpoint_version) == (
        DeliveryState.UNDELIVERED,
        Effect.DISABLE,
        3,
    )
    assert outcome.otherwise is not None
    assert (outcome.otherwise.state, outcome.otherwise.effect) == (DeliveryState.PENDING, None)


@pytest.mark.parametrize(
    ("decision", "blame", "is_failing", "effect"),
    [
        (Decision.RETRY, Blame.LANE, False, Effect.FAILING),
        (Decision.RETRY, Blame.LANE, True, None),
        (Decision.RETRY, Blame.DELIVERY, False, None),
        (Decision.DELIVERED, None, True, Effect.RECOVERED),
        (Decision.DELIVERED, None, False, None),
    ],
)
def test_only_changes_reach_the_endpoint(
    decision: Decision,
    blame: Blame | None,
    is_failing: bool,  # noqa: FBT001 - one of a set of parameters
    effect: Effect | None,
) -> None:
    """An endpoint is marked when it begins or stops to fail as such, and not at every attempt."""
    assert _decided(decision, replace(SENDABLE, is_failing=is_failing), blame=blame).effect is effect


@pytest.mark.parametrize("decision", list(Decision))
def test_decisions_only_make_moves_that_are_in_the_table(decision: Decision) -> None:
    """Whatever an attempt means, its delivery stays pending or makes a move that is written down."""
    outcome = _decided(decision)
    for state in {outcome.state, (outcome.otherwise or outcome).state} - {DeliveryState.PENDING}:
        assert (DeliveryState.PENDING, state) in DELIVERY_MOVES


def test_a_failing_lane_gets_one_try_at_a_time() -> None:
    """The cap falls to one where the whole lane fails, and returns with the first answer that says otherwise."""
    caps = [
        lane_cap(SENDABLE, _attempt(Verdict(decision=Decision.RETRY, blame=blame)).result)
        for blame in (Blame.LANE, Blame.DELIVERY, None)
    ]
    assert caps == [1, 7, 7]


@pytest.mark.parametrize(
    ("origin", "round_", "step", "cause"),
    [
        (Origin.OFFERED, 0, 0, Cause.FIRST),
        (Origin.OFFERED, 0, 1, Cause.RETRY),
        (Origin.OFFERED, 1, 0, Cause.REPLAY),
        (Origin.OFFERED, 1, 1, Cause.RETRY),
        (Origin.LEASE_EXPIRED, 0, 0, Cause.LEASE_EXPIRED),
        (Origin.RECONCILED, 0, 4, Cause.RECONCILED),
    ],
)
def test_causes(origin: Origin, round_: int, step: int, cause: Cause) -> None:
    """An attempt says why it is made; a job that had to be found again says so first."""
    assert cause_of(origin, round_, step) is cause
