"""What goes into a send and what comes out of it."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

import orjson

from kernel.ids import Tenant
from kernel.masked import Secret
from webhooks.states import SignatureScheme
from webhooks.values import value


class Cause(StrEnum):
    """Why an attempt is made; the values are those of the SQL enum attempt_cause."""

    FIRST = "first"
    RETRY = "retry"
    PROBE = "probe"
    LEASE_EXPIRED = "lease_expired"
    RECONCILED = "reconciled"
    REPLAY = "replay"


class ErrorClass(StrEnum):
    """What went wrong with an attempt, in the order in which a send can fail."""

    REFUSED_DESTINATION = "refused_destination"  # the address is in a special-purpose range and on no allow-list
    DNS = "dns"  # the name has no address
    CONNECT = "connect"  # no connection
    TLS = "tls"  # the handshake or the certificate
    TIMEOUT = "timeout"  # the total deadline passed before the head of the answer was read
    RESET = "reset"  # the connection was lost before the head of the answer was read
    PROTOCOL = "protocol"  # the answer is not HTTP
    PROXY = "proxy"  # our own egress proxy failed; not the endpoint's fault
    STATUS = "status"  # an answer that is not 2xx
    INTERNAL = "internal"  # a fault of ours


class Decision(StrEnum):
    """What an attempt means for its delivery and its endpoint."""

    DELIVERED = "delivered"
    RETRY = "retry"
    ABORT = "abort"  # the receiver wants no more of this message
    DISABLE = "disable"  # the receiver wants nothing more at all


class Blame(StrEnum):
    """Whose failure it is: the whole lane's (its other deliveries would fail too) or this delivery's alone."""

    LANE = "lane"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A live key of an endpoint: `whsec_…` for v1, `whsk_…` for v1a."""

    scheme: SignatureScheme
    secret: Secret


@value
class Verdict:
    """The decision; `retry_after_seconds` is what the receiver asked for, capped, and a second more: never early.

    `is_free`: the fault is ours, so that the try uses no step of the schedule and is nobody's failure. `is_last`: it is
    delivered, and the receiver wants nothing more.
    """

    decision: Decision
    retry_after_seconds: int | None = None
    blame: Blame | None = None
    is_free: bool = False
    is_last: bool = False


@value
class Timings:
    """Microseconds per phase; None where it did not happen (a kept-alive connection has no dns, connect or tls)."""

    total_us: int
    dns_us: int | None = None
    connect_us: int | None = None
    tls_us: int | None = None
    first_byte_us: int | None = None


@value
class LoadedDelivery:
    """A claimed delivery with everything opened that a send needs.

    `headers` are the endpoint's own; `body` is the exact bytes that were stored (of a thin payload: the bytes that
    follow from the stored event); `signing_keys` are the live ones, newest first. `round` and `step` are those of the
    job. `sequence` is the endpoint's own count. `client_certificate` is PEM of a chain and its key. `is_test`: it is
    an example that somebody sent to try the endpoint.
    """

    tenant: Tenant
    delivery_id: UUID
    event_id: UUID
    endpoint_id: UUID
    endpoint_version: int
    url: str
    signing_keys: tuple[SigningKey, ...]
    body: bytes
    round: int
    step: int
    cause: Cause
    headers: Mapping[str, str] = field(default_factory=dict)
    sequence: int | None = None
    is_test: bool = False
    client_certificate: Secret | None = None


@value
class AttemptResult:
    """What became of one POST. `exchange` is `Exchange.to_bytes()`, still to be sealed."""

    started_at: datetime
    status_code: int | None
    error_class: ErrorClass | None
    timings: Timings
    exchange: bytes
    verdict: Verdict
    certificate_expires_at: datetime | None = None


@value
class Exchange:
    """What an attempt keeps of request and answer, secrets masked. The request's body is the event's, stored once.

    `note` says in our words what went wrong, or what was left out of the answer's body.
    """

    url: str
    request_headers: tuple[tuple[str, str], ...]
    response_headers: tuple[tuple[str, str], ...] = ()
    response_body: bytes = b""
    note: str = ""

    def to_bytes(self) -> bytes:
        """The plaintext of delivery_attempts.sealed_exchange."""
        return orjson.dumps(
            {
                "url": self.url,
                "request_headers": self.request_headers,
                "response_headers": self.response_headers,
                "response_body": b64encode(self.response_body).decode(),
                "note": self.note,
            }
        )

    @classmethod
    def from_bytes(cls, plaintext: bytes) -> Self:
        """The opposite of `to_bytes`."""
        fields = orjson.loads(plaintext)
        return cls(
            url=fields["url"],
            request_headers=_pairs(fields["request_headers"]),
            response_headers=_pairs(fields["response_headers"]),
            response_body=b64decode(fields["response_body"]),
            note=fields["note"],
        )


def _pairs(lists: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in lists)


def exchange_context(attempt_id: UUID) -> bytes:
    """What binds a sealed exchange to its row of delivery_attempts."""
    return b"delivery_attempts.exchange:" + attempt_id.bytes
