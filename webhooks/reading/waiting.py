"""What a delivery that has not ended waits for, in words that a person understands."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from webhooks.states import DeliveryState, EndpointState


class WaitReason(StrEnum):
    """Why a delivery is not under way at this moment."""

    TURN = "turn"
    PAUSED = "paused"
    HELD = "held"
    RETRY = "retry"
    ENDING = "ending"
    UNPROVEN = "unproven"
    QUEUE = "queue"


WAIT_SENTENCES: dict[str, str] = {
    WaitReason.TURN: "An earlier delivery of the same ordering key has not ended; this one is sent after it.",
    WaitReason.PAUSED: "The endpoint is paused; it is sent once the endpoint is resumed.",
    WaitReason.HELD: "The endpoint fails every attempt, so only its oldest delivery is tried, until one succeeds.",
    WaitReason.RETRY: "The last attempt failed; it is tried again at the time given.",
    WaitReason.ENDING: "The endpoint receives nothing any more; it ends as undelivered within a minute.",
    WaitReason.UNPROVEN: "The endpoint has not yet answered its ownership challenge; it is sent once it has.",
    WaitReason.QUEUE: "It is due: it is being sent, or others of the same endpoint go before it.",
}
_CLOSED = frozenset({EndpointState.DISABLED, EndpointState.DELETED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The reason; `until` is when that changes, where it is known."""

    reason: WaitReason
    until: datetime | None = None

    @property
    def sentence(self) -> str:
        """The reason in a sentence."""
        return WAIT_SENTENCES[self.reason]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What an endpoint's lane is doing; `endpoint` is None where the endpoint is gone."""

    endpoint: EndpointState | None = EndpointState.ENABLED
    is_paused: bool = False
    is_held: bool = False
    next_probe_at: datetime | None = None


def waiting_for(
    state: DeliveryState, lane: Lane, *, next_attempt_at: datetime | None = None, is_due: bool = False
) -> Waiting | None:
    """What it waits for; None where it has ended."""
    if state not in {DeliveryState.WAITING, DeliveryState.PENDING}:
        return None
    reasons = {
        WaitReason.ENDING: lane.endpoint is None or lane.endpoint in _CLOSED,
        WaitReason.UNPROVEN: lane.endpoint is EndpointState.UNPROVEN,
        WaitReason.PAUSED: lane.is_paused,
        WaitReason.TURN: state is DeliveryState.WAITING,
        WaitReason.HELD: lane.is_held,
        WaitReason.RETRY: not is_due,
        WaitReason.QUEUE: True,
    }
    reason = next(reason for reason, holds in reasons.items() if holds)
    until = {WaitReason.HELD: lane.next_probe_at, WaitReason.RETRY: next_attempt_at}.get(reason)
    return Waiting(reason=reason, until=until)
