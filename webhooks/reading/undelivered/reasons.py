"""Why an event is not where it should be, one code and one sentence each."""

from collections.abc import Mapping
from datetime import timedelta

from webhooks.reading.waiting import WAIT_SENTENCES, Waiting, WaitReason
from webhooks.states import DeliveryState

UNMATCHED = "unmatched"
MISSED = "endpoint_disabled"
# What is younger and never failed is on its way, not undelivered.
ON_ITS_WAY = timedelta(minutes=1)
_ENDED_SENTENCES = {
    "steps_used": "Every attempt of its schedule failed.",
    "too_old": "It could not be delivered before it grew too old.",
    "receiver_aborted": "The receiver asked that this message not be sent again.",
    MISSED: "The endpoint was disabled; a replay sends what it missed.",
    "endpoint_deleted": "The endpoint was deleted.",
    "unreadable": "Its body, or what its endpoint needs, was erased or does not open.",
}
_STATE_SENTENCES: dict[str, str] = {
    DeliveryState.DEAD: "It could not be delivered.",
    DeliveryState.UNDELIVERED: "Its endpoint was disabled or deleted before it was delivered.",
    DeliveryState.CANCELLED: "It was withdrawn.",
}

OPEN = frozenset(WaitReason)
ENDED = frozenset(_ENDED_SENTENCES) | frozenset(_STATE_SENTENCES)
REASONS = OPEN | ENDED | {UNMATCHED}


def reason_of(state: DeliveryState, state_reason: str | None, waiting: Waiting | None) -> str:
    """The code of a delivery that did not arrive: what it waits for, or why it ended, or else the state it ended in."""
    return waiting.reason if waiting is not None else state_reason or state


def sentence_of(reason: str) -> str:
    """The reason in a sentence."""
    if reason == UNMATCHED:
        return "No endpoint wanted to hear of this event."
    known: tuple[Mapping[str, str], ...] = (WAIT_SENTENCES, _ENDED_SENTENCES, _STATE_SENTENCES)
    for sentences in known:
        if reason in sentences:
            return sentences[reason]
    return "It ended without success."
