"""The states of deliveries and endpoints, equal to the SQL enums, each with a sentence, and every allowed move."""

from enum import StrEnum


class DeliveryState(StrEnum):
    """One event for one endpoint."""

    WAITING = "waiting"
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    UNDELIVERED = "undelivered"
    CANCELLED = "cancelled"


class EndpointState(StrEnum):
    """Where events go."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    DELETED = "deleted"
    UNPROVEN = "unproven"


class SignatureScheme(StrEnum):
    """How a message is signed (Standard Webhooks 1.0.0)."""

    V1 = "v1"
    V1A = "v1a"


class PayloadForm(StrEnum):
    """How much of an event an endpoint is sent."""

    FULL = "full"
    THIN = "thin"


class ReplayState(StrEnum):
    """A job that makes deliveries due again."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


DELIVERY_SENTENCES: dict[DeliveryState, str] = {
    DeliveryState.WAITING: "An ordered endpoint's earlier delivery of the same key has not ended.",
    DeliveryState.PENDING: "It is to be sent when next_attempt_at comes.",
    DeliveryState.DELIVERED: "The endpoint answered 2xx.",
    DeliveryState.DEAD: "Its steps are used up or it grew too old.",
    DeliveryState.UNDELIVERED: "Its endpoint was disabled or deleted before it was delivered.",
    DeliveryState.CANCELLED: "The receiver asked to abort this message.",
}

# The guarded updates of `.sql` files make these moves and no other.
DELIVERY_MOVES: dict[tuple[DeliveryState, DeliveryState], str] = {
    (DeliveryState.WAITING, DeliveryState.PENDING): "The delivery before it in its line has ended.",
    (DeliveryState.WAITING, DeliveryState.UNDELIVERED): "Its endpoint was disabled or deleted.",
    (DeliveryState.PENDING, DeliveryState.DELIVERED): "The endpoint answered 2xx in the present round.",
    (DeliveryState.PENDING, DeliveryState.DEAD): "Its steps are used up, it grew too old, or its body was erased.",
    (DeliveryState.PENDING, DeliveryState.UNDELIVERED): "Its endpoint was disabled or deleted.",
    (DeliveryState.PENDING, DeliveryState.CANCELLED): "The receiver asked to abort this message.",
    (DeliveryState.DELIVERED, DeliveryState.PENDING): "A replay began another round.",
    (DeliveryState.DEAD, DeliveryState.PENDING): "A replay began another round.",
    (DeliveryState.UNDELIVERED, DeliveryState.PENDING): "A replay began another round.",
    (DeliveryState.CANCELLED, DeliveryState.PENDING): "A replay began another round.",
}

ENDPOINT_SENTENCES: dict[EndpointState, str] = {
    EndpointState.ENABLED: "It receives events.",
    EndpointState.DISABLED: "Its owner, an admin, a 410 or its health stopped it; new events are not matched to it.",
    EndpointState.DELETED: "Soft-deleted; kept for its deliveries.",
    EndpointState.UNPROVEN: "Its receiver has not yet answered the ownership challenge; no event is matched to it.",
}

ENDPOINT_MOVES: dict[tuple[EndpointState, EndpointState], str] = {
    (EndpointState.ENABLED, EndpointState.DISABLED): "Its owner stopped it, or the receiver asked for an end.",
    (
        EndpointState.DISABLED,
        EndpointState.ENABLED,
    ): "Its owner started it again; what it missed stays unsent.",
    (EndpointState.ENABLED, EndpointState.DELETED): "Its owner deleted it.",
    (EndpointState.DISABLED, EndpointState.DELETED): "Its owner deleted it.",
    (EndpointState.UNPROVEN, EndpointState.ENABLED): "Its receiver met the challenge, or its owner wants no proof.",
    (EndpointState.ENABLED, EndpointState.UNPROVEN): "Its owner wants ownership proven, and its present URL is not.",
    (EndpointState.DISABLED, EndpointState.UNPROVEN): "Its owner started it again, and its present URL is not proven.",
    (EndpointState.UNPROVEN, EndpointState.DISABLED): "Its owner stopped it.",
    (EndpointState.UNPROVEN, EndpointState.DELETED): "Its owner deleted it.",
}

REPLAY_SENTENCES: dict[ReplayState, str] = {
    ReplayState.RUNNING: "Its deliveries are being made due.",
    ReplayState.PAUSED: "Its owner stopped it for now.",
    ReplayState.COMPLETED: "Every delivery that it covers was made due.",
    ReplayState.CANCELLED: "Its owner ended it; what it had made due by then is still sent.",
}

REPLAY_MOVES: dict[tuple[ReplayState, ReplayState], str] = {
    (ReplayState.RUNNING, ReplayState.PAUSED): "Its owner paused it.",
    (ReplayState.PAUSED, ReplayState.RUNNING): "Its owner resumed it.",
    (ReplayState.RUNNING, ReplayState.COMPLETED): "Nothing that it covers is left.",
    (ReplayState.RUNNING, ReplayState.CANCELLED): "Its owner ended it.",
    (ReplayState.PAUSED, ReplayState.CANCELLED): "Its owner ended it.",
}
