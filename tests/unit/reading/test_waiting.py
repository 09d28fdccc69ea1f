"""What a delivery waits for, and why one did not arrive."""

from datetime import UTC, datetime

import pytest

from webhooks.dispatch.outcome import Reason
from webhooks.reading.undelivered.reasons import REASONS, UNMATCHED, reason_of, sentence_of
from webhooks.reading.waiting import Lane, Waiting, WaitReason, waiting_for
from webhooks.states import DeliveryState, EndpointState

AT = datetime(2026, 11, 23, tzinfo=UTC)
ENDED = set(DeliveryState) - {DeliveryState.WAITING, DeliveryState.PENDING}


@pytest.mark.parametrize(
    ("state", "lane", "is_due", "expected"),
    [
        ("pending", Lane(), True, Waiting(reason=WaitReason.QUEUE)),
        ("pending", Lane(), False, Waiting(reason=WaitReason.RETRY, until=AT)),
        ("pending", Lane(is_held=True, next_probe_at=AT), True, Waiting(reason=WaitReason.HELD, until=AT)),
        ("pending", Lane(is_held=True, is_paused=True), False, Waiting(reason=WaitReason.PAUSED)),
        ("waiting", Lane(is_held=True), False, Waiting(reason=WaitReason.TURN)),
        ("waiting", Lane(is_paused=True), False, Waiting(reason=WaitReason.PAUSED)),
        ("pending", Lane(endpoint=EndpointState.DISABLED, is_paused=True), True, Waiting(reason=WaitReason.ENDING)),
        ("pending", Lane(endpoint=None), True, Waiting(reason=WaitReason.ENDING)),
        ("pending", Lane(endpoint=EndpointState.UNPROVEN), True, Waiting(reason=WaitReason.UNPROVEN)),
    ],
)
def test_the_first_thing_that_stops_it_is_told(state: str, lane: Lane, is_due: bool, expected: Waiting) -> None:  # noqa: FBT001
    """Its endpoint's end or missing proof, then a pause, its turn, a hold, its time; else it is only queued."""
    assert waiting_for(DeliveryState(state), lane, next_attempt_at=AT, is_due=is_due) == expected


def test_what_has_ended_waits_for_nothing() -> None:
    """Whatever its lane is doing."""
    for state in ENDED:
        assert waiting_for(state, Lane(is_held=True, is_paused=True)) is None


def test_every_reason_has_a_sentence_of_its_own() -> None:
    """Those for which deliveries end, those for which they wait, and the one of events that nobody heard."""
    assert set(Reason) | set(WaitReason) | {UNMATCHED} <= REASONS
    sentences = [sentence_of(reason) for reason in REASONS]
    assert len(set(sentences)) == len(sentences)
    assert reason_of(DeliveryState.DEAD, None, None) == "dead"
    assert sentence_of("something new").endswith(".")
