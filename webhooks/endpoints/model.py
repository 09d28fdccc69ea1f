"""An endpoint as its owner sees it, and the bytes under its seals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from uuid import UUID

import orjson

from kernel.ids import Tenant
from kernel.masked import Secret
from webhooks.states import EndpointState


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who acts on a tenant's endpoints, for the audit log: one of our ids as text, and the request's id."""

    tenant: Tenant
    actor: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """What its owner wrote in their own words; sealed in webhook_endpoints.sealed_settings."""

    url: str
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The plaintext of sealed_settings."""
        return orjson.dumps(
            {
                "url": self.url,
                "description": self.description,
                "metadata": dict(self.metadata),
                "headers": dict(self.headers),
            }
        )

    @classmethod
    def from_bytes(cls, plaintext: bytes) -> Self:
        """The opposite of `to_bytes`."""
        return cls(**orjson.loads(plaintext))


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint with its settings opened. Without `merchant_id` it hears about all of the partner's merchants."""

    tenant: Tenant
    id: UUID
    merchant_id: UUID | None
    settings: EndpointSettings
    event_types: tuple[str, ...]
    ordered: bool
    state: EndpointState
    state_reason: str | None
    concurrency: int
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSecret:
    """A signing secret (`whsec_…`) that messages are signed with; without `expires_at` it is the current one."""

    id: UUID
    secret: Secret
    created_at: datetime
    expires_at: datetime | None


def settings_context(endpoint_id: UUID) -> bytes:
    """What binds sealed settings to their row of webhook_endpoints."""
    return b"webhook_endpoints.settings:" + endpoint_id.bytes


def secret_context(secret_id: UUID) -> bytes:
    """What binds a sealed secret (UTF-8 of `whsec_…`) to its row of endpoint_secrets."""
    return b"endpoint_secrets.secret:" + secret_id.bytes
