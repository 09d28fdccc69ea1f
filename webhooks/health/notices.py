"""The operational events: what a partner is told about its own endpoints, keys and deliveries.

Each is written in the transaction that changes the thing, so it is told exactly once. Its data hold ids, types, states
and times; never what anybody wrote.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from kernel.ids import Kind, Tenant, new_id, to_text
from webhooks.events.model import NewEvent
from webhooks.states import SignatureScheme


class NoticeType(StrEnum):
    """The types of operational events."""

    ENDPOINT_FAILING = "endpoint.failing"
    ENDPOINT_RECOVERED = "endpoint.recovered"
    ENDPOINT_DISABLED = "endpoint.disabled"
    DELIVERY_DEAD = "delivery.dead"
    SECRET_ROTATED = "secret.rotated"  # noqa: S105 - a type, not a secret
    CERTIFICATE_EXPIRING = "certificate.expiring"


class Certificate(StrEnum):
    """Whose certificate ends: the receiver's, or the one that we show it (mTLS), which its owner gave us."""

    RECEIVER = "receiver"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class EndpointRef:
    """The endpoint that an event is about; it is never told of its own trouble."""

    tenant: Tenant
    endpoint_id: UUID

    @property
    def text(self) -> str:
        """The id as partners see it."""
        return to_text(Kind.ENDPOINT, self.endpoint_id, self.tenant.environment)


def is_notice(event_type: str) -> bool:
    """Whether an event is one of ours about deliveries; what becomes of such an event is told to nobody."""
    return event_type in _TYPES


def endpoint_failing(about: EndpointRef, now: datetime, *, failing_since: datetime, failed_deliveries: int) -> NewEvent:
    """Nothing has been received since `failing_since`; `failed_deliveries` distinct deliveries were tried in vain."""
    data = {"failing_since": _time(failing_since), "failed_deliveries": failed_deliveries}
    return _notice(NoticeType.ENDPOINT_FAILING, about, now, data)


def endpoint_recovered(about: EndpointRef, now: datetime, *, failing_since: datetime) -> NewEvent:
    """An endpoint that was told to be failing has answered 2xx again."""
    return _notice(NoticeType.ENDPOINT_RECOVERED, about, now, {"failing_since": _time(failing_since)})


def endpoint_disabled(about: EndpointRef, now: datetime, *, reason: str) -> NewEvent:
    """Nothing is sent to the endpoint any more; `reason` is its state_reason."""
    return _notice(NoticeType.ENDPOINT_DISABLED, about, now, {"reason": reason})


def delivery_dead(about: EndpointRef, now: datetime, *, delivery_id: UUID, event_id: UUID, reason: str) -> NewEvent:
    """A delivery will not be tried again by itself; `reason` is its state_reason."""
    environment = about.tenant.environment
    data = {
        "delivery_id": to_text(Kind.DELIVERY, delivery_id, environment),
        "event_id": to_text(Kind.EVENT, event_id, environment),
        "reason": reason,
    }
    return _notice(NoticeType.DELIVERY_DEAD, about, now, data)


def secret_rotated(
    about: EndpointRef, now: datetime, *, scheme: SignatureScheme, secret_id: UUID, previous_ends_at: datetime
) -> NewEvent:
    """Another secret signs from now on; the one before signs as well until `previous_ends_at`."""
    data = {
        "scheme": scheme.value,
        "secret_id": to_text(Kind.SECRET, secret_id, about.tenant.environment),
        "previous_ends_at": _time(previous_ends_at),
    }
    return _notice(NoticeType.SECRET_ROTATED, about, now, data)


def certificate_expiring(
    about: EndpointRef, now: datetime, *, expires_at: datetime, whose: Certificate = Certificate.RECEIVER
) -> NewEvent:
    """A certificate ends soon, after which nothing can be delivered; the receiver's as the last handshake showed it."""
    data = {"certificate": whose.value, "expires_at": _time(expires_at)}
    return _notice(NoticeType.CERTIFICATE_EXPIRING, about, now, data)


_TYPES = frozenset(NoticeType)


def _notice(kind: NoticeType, about: EndpointRef, now: datetime, data: dict[str, Any]) -> NewEvent:
    return NewEvent(
        tenant=about.tenant,
        id=new_id(now),
        type=kind.value,
        merchant_id=None,
        occurred_at=now,
        data={"endpoint_id": about.text, **data},
        about_endpoint_id=about.endpoint_id,
    )


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
