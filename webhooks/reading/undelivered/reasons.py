"""Why an event is not where it should be, one code and one sentence each."""

from collections.abc import Mapping
from datetime import timedelta

from webhooks.reading.waiting import WAIT_SENTENCES, Waiting, WaitReason
from webhooks.states import DeliveryState, EndpointState

UNMATCHED = "unmatched"
# What an endpoint missed while it was in one of these states.
MISSED: dict[EndpointState, str] = {
    EndpointState.DISABLED: "endpoint_disabled",
    EndpointState.UNPROVEN: "endpoint_unproven",
}
# What was never tried and waits for nothing but this is on its way while it is younger, not undelivered.
ON_ITS_WAY = timedelta(minutes=1)
_WAY = frozenset({WaitReason.QUEUE, WaitReason.RETRY})
_ENDED_SENTENCES = {
    "steps_used": "Every attempt of its schedule failed.",
    "too_old": "It could not be delivered before it grew too old.",
    "receiver_aborted": "The receiver asked that this message not be sent again.",
    "endpoint_disabled": "The endpoint was disabled; a replay sends what it missed.",
    "endpoint_deleted": "The endpoint was deleted.",
    "unreadable": "Its body, or what its endpoint needs, was erased or does not open.",
}
_MISSED_SENTENCES = {
    "endpoint_unproven": "The endpoint had not proven its ownership; a replay sends what it missed once it is enabled.",
}
_STATE_SENTENCES: dict[str, str] = {
    DeliveryState.DEAD: "It could not be delivered.",
    DeliveryState.UNDELIVERED: "Its endpoint was disabled or deleted before it was delivered.",
    DeliveryState.CANCELLED: "The receiver asked to abort this message.",
}

OPEN = frozenset(WaitReason)
ENDED = frozenset(_ENDED_SENTENCES) | frozenset(_STATE_SENTENCES)
REASONS = OPEN | ENDED | {UNMATCHED, *MISSED.values()}


def reason_of(state: DeliveryState, state_reason: str | None, waiting: Waiting | None) -> str:
    """The code of a delivery that did not arrive: what it waits for, or why it ended, or else the state it ended in."""
    return waiting.reason if waiting is not None else state_reason or state


def is_on_its_way(waiting: Waiting | None, *, is_young: bool, was_tried: bool) -> bool:
    """Whether a delivery is simply on its way, so that nobody need look after it."""
    return waiting is not None and waiting.reason in _WAY and is_young and not was_tried


def sentence_of(reason: str) -> str:
    """The reason in a sentence."""
    if reason == UNMATCHED:
        return "No endpoint that received events wanted to hear of this one."
    known: tuple[Mapping[str, str], ...] = (WAIT_SENTENCES, _ENDED_SENTENCES, _MISSED_SENTENCES, _STATE_SENTENCES)
    for sentences in known:
        if reason in sentences:
            return sentences[reason]
    return "It ended without success."
