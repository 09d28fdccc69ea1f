"""The port through which webhooks leave. `tests/contracts/transport` holds what every implementation does."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from kernel.masked import Secret
from webhooks.sending.model import ErrorClass, Timings
from webhooks.values import value


class BodyState(StrEnum):
    """What became of the answer's body after its head was read."""

    COMPLETE = "complete"
    CAPPED = "capped"  # longer than the cap; the rest was not read
    LATE = "late"  # the deadline passed while it was read
    BROKEN = "broken"  # the connection was lost, or it is not what its head promised


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportPolicy:
    """`total_timeout_seconds` covers connect, send and the whole answer."""

    total_timeout_seconds: float = 20.0
    response_body_bytes_max: int = 16_384
    response_head_bytes_max: int = 32_768
    keep_alive_seconds: float = 30.0
    dns_cache_seconds: int = 10
    dns_threads: int = 64


@value
class WireRequest:
    """One request, complete: the transport adds only Host and Content-Length. A GET has no body."""

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    client_certificate: Secret | None = None
    method: Literal["POST", "GET"] = "POST"


@value
class WireReply:
    """An answer whose head was read (`status`), or why there is none (`error`). Never both, never neither.

    `detail` is for people: our words, never the receiver's. `certificate_expires_at` is told by sends that made a new
    TLS connection: when the receiver's certificate ends.
    """

    timings: Timings
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    body_state: BodyState = BodyState.COMPLETE
    error: ErrorClass | None = None
    detail: str = ""
    certificate_expires_at: datetime | None = None


class Transport(Protocol):
    """Sends once: no retry, no redirect, no cookie. Never raises for what the other side does."""

    async def send(self, request: WireRequest) -> WireReply:
        """The answer within the total deadline, or the class of the failure."""
        ...

    async def close(self) -> None:
        """Drop idle connections. What is being sent must have ended."""
        ...
