"""What an attempt means for its delivery and its endpoint."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kernel.ids import NIL, Environment, Tenant, first_id_at
from webhooks.dispatch.outcome import About, Attempt, Outcome, Reason, Sendable, cause_of, decide
from webhooks.dispatch.policy import RetryPolicy
from webhooks.health.model import Sign
from webhooks.queue.port import Claim, Job, LaneVerdict, Origin, Retry
from webhooks.sending.model import AttemptResult, Blame, Cause, Decision, LoadedDelivery, Timings, Verdict
from webhooks.sending.schedule import Schedule
from webhooks.states import DELIVERY_MOVES, DeliveryState

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
POLICY = RetryPolicy()
JOB = Job(partner_id=NIL, endpoint_id=NIL, delivery_id=first_id_at(NOW), step=2)
SENDABLE = Sendable(
    claim=Claim(job=JOB, fence=1),
    about=About(event_id=NIL, environment=Environment.TEST, is_notice=False),
    read_at=0,
    owner_id=NIL,
    began_at=NOW,
    delivery=LoadedDelivery(
        tenant=Tenant(NIL, Environment.TEST),
        delivery_id=JOB.delivery_id,
        event_id=NIL,
        endpoint_id=NIL,
        endpoint_version=3,
        url="https://merchant.example",
        signing_keys=(),
        body=b"",
        round=0,
        step=2,
        cause=Cause.RETRY,
    ),
)
PROBE = replace(SENDABLE, delivery=replace(SENDABLE.delivery, cause=Cause.PROBE), due_ms=3_600_000)


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
    blame: Blame | None = Blame.LANE,
    after: int = 0,
    is_free: bool = False,
) -> Outcome:
    verdict = Verdict(decision=decision, blame=blame, retry_after_seconds=after or None, is_free=is_free)
    return decide(sendable, _attempt(verdict), POLICY, NOW, 0.0)


def test_a_success_ends_the_delivery() -> None:
    """A 2xx is delivered, whatever came before."""
    outcome = _decided(Decision.DELIVERED, blame=None)
    assert (outcome.state, outcome.reason, outcome.retry) == (DeliveryState.DELIVERED, None, None)


def test_a_failure_waits_for_the_next_step() -> None:
    """A failure stays pending at the next step, after that step's delay."""
    outcome = _decided(Decision.RETRY)
    assert outcome.state is DeliveryState.PENDING
    assert outcome.retry == Retry(round=0, step=3, delay_ms=1_800_000)


def test_an_endpoint_has_a_schedule_of_its_own() -> None:
    """Where an endpoint overrides the schedule, its waits and its number of tries count."""
    own = replace(SENDABLE, schedule=Schedule(delays_seconds=(0, 1, 2, 7), jitter_share=0))
    assert _decided(Decision.RETRY, own).retry == Retry(round=0, step=3, delay_ms=7_000)
    short = replace(SENDABLE, schedule=Schedule(delays_seconds=(0, 1, 2)))
    assert _decided(Decision.RETRY, short).reason is Reason.STEPS_USED


def test_a_receivers_wish_is_never_undercut() -> None:
    """Retry-After lengthens the wait of its delivery and parks the lane, for a minute at a time."""
    outcome = _decided(Decision.RETRY, after=7_200)
    assert outcome.retry is not None
    assert (outcome.retry.delay_ms, outcome.wish) == (7_200_000, timedelta(hours=2))
    assert outcome.finish(outcome.retry).park_ms == 60_000


def test_used_steps_are_dead() -> None:
    """After the last step the delivery is dead."""
    last = replace(SENDABLE, claim=Claim(job=replace(JOB, step=9), fence=1))
    outcome = _decided(Decision.RETRY, last)
    assert (outcome.state, outcome.reason) == (DeliveryState.DEAD, Reason.STEPS_USED)


def test_age_is_dead() -> None:
    """A delivery that would be too old at its next try, counted from its round's beginning, is dead now."""
    outcome = _decided(Decision.RETRY, replace(SENDABLE, began_at=NOW - timedelta(days=5)))
    assert (outcome.state, outcome.reason) == (DeliveryState.DEAD, Reason.TOO_OLD)
    assert _decided(Decision.RETRY, replace(SENDABLE, began_at=NOW)).state is DeliveryState.PENDING


def test_an_abort_cancels() -> None:
    """The receiver wants no more of this message; nothing failed."""
    outcome = _decided(Decision.ABORT, blame=Blame.DELIVERY)
    assert (outcome.state, outcome.reason) == (DeliveryState.CANCELLED, Reason.RECEIVER_ABORTED)
    assert outcome.sighting is not None
    assert outcome.sighting.sign is Sign.ABORTED


def test_a_delivered_message_can_be_the_last() -> None:
    """A 2xx that asks for an end is delivered whether or not its endpoint is still the one that was sent to."""
    last = Verdict(decision=Decision.DELIVERED, is_last=True)
    outcome = decide(SENDABLE, _attempt(last), POLICY, NOW, 0.0)
    assert (outcome.state, outcome.disables) == (DeliveryState.DELIVERED, True)
    assert outcome.otherwise is not None
    assert (outcome.otherwise.state, outcome.otherwise.disables) == (DeliveryState.DELIVERED, False)


def test_a_disable_knows_what_else_to_do() -> None:
    """Where the endpoint has changed since, the delivery is tried again instead."""
    outcome = _decided(Decision.DISABLE)
    assert (outcome.state, outcome.disables) == (DeliveryState.UNDELIVERED, True)
    assert outcome.sighting is not None
    assert outcome.sighting.version == 3
    assert outcome.otherwise is not None
    assert (outcome.otherwise.state, outcome.otherwise.disables) == (DeliveryState.PENDING, False)


@pytest.mark.parametrize(
    ("decision", "blame", "sign", "verdict", "awaits"),
    [
        (Decision.RETRY, Blame.LANE, Sign.FAILED, LaneVerdict.FAILED, True),
        (Decision.RETRY, Blame.DELIVERY, Sign.REFUSED, LaneVerdict.WELL, False),
        (Decision.DELIVERED, None, Sign.DELIVERED, LaneVerdict.WELL, False),
    ],
)
def test_whose_failure_it_is(
    decision: Decision,
    blame: Blame | None,
    sign: Sign,
    verdict: LaneVerdict,
    awaits: bool,  # noqa: FBT001 - one of a set of parameters
) -> None:
    """A lane's failure makes its delivery wait for the lane; a delivery's own shows that the lane is well."""
    outcome = _decided(decision, blame=blame)
    assert outcome.sighting is not None
    assert (outcome.sighting.sign, outcome.awaits_lane) == (sign, awaits)
    assert outcome.finish(None).verdict is verdict


def test_our_own_failure_uses_no_step_and_blames_nobody() -> None:
    """After a failure of our proxy or of ourselves the same step comes again half a minute later."""
    outcome = _decided(Decision.RETRY, blame=None, is_free=True)
    assert outcome.retry == Retry(round=0, step=2, delay_ms=30_000)
    assert outcome.sighting is not None
    assert (outcome.sighting.sign, outcome.awaits_lane) == (None, False)
    assert outcome.finish(outcome.retry).verdict is LaneVerdict.NONE


def test_a_probe_before_its_time_uses_no_step() -> None:
    """A probe whose step was not due leaves step and time as they were where the lane fails again."""
    outcome = _decided(Decision.RETRY, PROBE)
    assert outcome.keeps_time
    assert outcome.retry == Retry(round=0, step=2, delay_ms=3_600_000)


def test_a_probe_in_its_time_uses_its_step() -> None:
    """A probe whose step was due is that step's try."""
    outcome = _decided(Decision.RETRY, replace(PROBE, due_ms=0))
    assert not outcome.keeps_time
    assert outcome.retry == Retry(round=0, step=3, delay_ms=1_800_000)


def test_a_probe_that_was_refused_follows_its_own_fate() -> None:
    """A probe that the receiver refused for itself was answered: that was its step's try."""
    outcome = _decided(Decision.RETRY, PROBE, blame=Blame.DELIVERY)
    assert outcome.retry == Retry(round=0, step=3, delay_ms=1_800_000)


@pytest.mark.parametrize("decision", list(Decision))
def test_decisions_only_make_moves_that_are_in_the_table(decision: Decision) -> None:
    """Whatever an attempt means, its delivery stays pending or makes a move that is written down."""
    outcome = _decided(decision)
    for state in {outcome.state, (outcome.otherwise or outcome).state} - {DeliveryState.PENDING}:
        assert (DeliveryState.PENDING, state) in DELIVERY_MOVES


@pytest.mark.parametrize(
    ("origin", "round_", "step", "cause"),
    [
        (Origin.OFFERED, 0, 0, Cause.FIRST),
        (Origin.OFFERED, 0, 1, Cause.RETRY),
        (Origin.OFFERED, 1, 0, Cause.REPLAY),
        (Origin.OFFERED, 1, 1, Cause.RETRY),
        (Origin.LEASE_EXPIRED, 0, 0, Cause.LEASE_EXPIRED),
        (Origin.RECONCILED, 0, 4, Cause.RECONCILED),
        (Origin.PROBE, 0, 4, Cause.PROBE),
    ],
)
def test_causes(origin: Origin, round_: int, step: int, cause: Cause) -> None:
    """An attempt says why it is made; a job that had to be found again, or that probes its lane, says so first."""
    assert cause_of(origin, round_, step) is cause
