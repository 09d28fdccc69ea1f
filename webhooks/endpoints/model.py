"""An endpoint as its owner sees it, and the bytes under its seals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import orjson

from kernel.audit import AuditEntry
from kernel.ids import Tenant, new_id
from kernel.masked import Secret
from webhooks.states import EndpointState, PayloadForm, SignatureScheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who acts on a tenant's endpoints, for the audit log: one of our ids as text, and the request's id."""

    tenant: Tenant
    actor: str
    request_id: str

    def entry(self, at: datetime, action: str, target: str, **detail: Any) -> AuditEntry:
        """The audit log's entry of one act of this caller."""
        return AuditEntry(
            id=new_id(at),
            partner_id=self.tenant.partner_id,
            actor=self.actor,
            action=action,
            target=target,
            request_id=self.request_id,
            detail=detail,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """What its owner wrote in their own words; sealed in webhook_endpoints.sealed_settings.

    `headers` are all that are sent along; the values of those in `secret_headers` are never shown again.
    `client_certificate_sha256` is the fingerprint, in hexadecimal, of the certificate that we show the receiver.
    """

    url: str
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: tuple[str, ...] = ()
    client_certificate_sha256: str | None = None

    @property
    def plain_headers(self) -> dict[str, str]:
        """The headers whose values may be shown."""
        return {name: value for name, value in self.headers.items() if name not in self.secret_headers}

    def to_bytes(self) -> bytes:
        """The plaintext of sealed_settings."""
        return orjson.dumps(
            {
                "url": self.url,
                "description": self.description,
                "metadata": dict(self.metadata),
                "headers": dict(self.headers),
                "secret_headers": self.secret_headers,
                "client_certificate_sha256": self.client_certificate_sha256,
            }
        )

    @classmethod
    def from_bytes(cls, plaintext: bytes) -> Self:
        """The opposite of `to_bytes`."""
        fields = orjson.loads(plaintext)
        return cls(**{**fields, "secret_headers": tuple(fields["secret_headers"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A token bucket: `per_second` sends on average, `burst` at once."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Which events an endpoint hears of, and how much of them it is sent.

    Without `merchant_ids` it hears of all merchants that its owner has; `filter` is a JMESPath expression on the body.
    """

    event_types: tuple[str, ...]
    merchant_ids: tuple[UUID, ...] = ()
    filter: str | None = None
    payload: PayloadForm = PayloadForm.FULL


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast an endpoint is sent to.

    `concurrency` attempts at once; `weight` is its share beside other endpoints. `schedule_seconds` are the waits
    before each try, in place of the usual ones.
    """

    ordered: bool = False
    concurrency: int = 10
    weight: int = 1
    rate: Rate | None = None
    schedule_seconds: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether an endpoint is sent to.

    `is_challenged`: its owner wants it proven that the receiver expects the events; `proven_at` is when it was.
    `disabled_at` is known while it is disabled. `held_at`: it keeps failing, and is only probed.
    """

    state: EndpointState
    state_reason: str | None = None
    disabled_at: datetime | None = None
    paused_at: datetime | None = None
    held_at: datetime | None = None
    is_challenged: bool = False
    proven_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedCertificate:
    """A client certificate (PEM of its chain and key) under its seal, and when it ends."""

    sealed: bytes = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint with its settings opened. Without `merchant_id` it belongs to the partner itself."""

    tenant: Tenant
    id: UUID
    merchant_id: UUID | None
    settings: EndpointSettings
    hearing: Hearing
    pace: Pace
    standing: Standing
    signatures: tuple[SignatureScheme, ...]
    client_certificate: SealedCertificate | None
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def state(self) -> EndpointState:
        """Whether it is sent to at all."""
        return self.standing.state


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveKey:
    """A key that messages are signed with; without `expires_at` it is the current one of its scheme.

    Of a v1 key this has the secret (`whsec_…`), of a v1a key the 32 public bytes only.
    """

    id: UUID
    scheme: SignatureScheme
    secret: Secret | None
    public_key: bytes | None
    created_at: datetime
    expires_at: datetime | None


def settings_context(endpoint_id: UUID) -> bytes:
    """What binds sealed settings to their row of webhook_endpoints."""
    return b"webhook_endpoints.settings:" + endpoint_id.bytes


def filter_context(endpoint_id: UUID) -> bytes:
    """What binds a sealed filter (UTF-8 of a JMESPath expression) to its row of webhook_endpoints."""
    return b"webhook_endpoints.filter:" + endpoint_id.bytes


def client_certificate_context(endpoint_id: UUID) -> bytes:
    """What binds a sealed client certificate (PEM of its chain and key) to its row of webhook_endpoints."""
    return b"webhook_endpoints.client_certificate:" + endpoint_id.bytes


def secret_context(secret_id: UUID) -> bytes:
    """What binds a sealed secret (UTF-8 of `whsec_…` or `whsk_…`) to its row of endpoint_secrets."""
    return b"endpoint_secrets.secret:" + secret_id.bytes
