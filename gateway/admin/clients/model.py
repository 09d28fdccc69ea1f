"""What admins ask of the book of clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Any
from uuid import UUID

from gateway.oauth.clients.methods import Method
from gateway.oauth.tokens.binding import TokenBinding
from kernel.ids import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Which merchants a client may act for, and where it may call from; empty means all."""

    merchant_ids: Sequence[UUID] = ()
    networks: Sequence[IPv4Network | IPv6Network] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    """A client to make. `metadata` are those of RFC 7591 and RFC 8705 that its method needs, by their names.

    `binding_certificates` are PEM, one each: those that its tokens may be bound to.
    """

    partner_id: UUID
    environment: Environment
    name: str
    scopes: tuple[str, ...]
    method: Method = Method.SECRET_BASIC
    metadata: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    token_binding: TokenBinding = TokenBinding.NONE
    binding_certificates: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRotation:
    """How long the present secret stays good, and whether one that is older than it, and still good, ends now."""

    overlap: timedelta
    is_oldest_dropped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPatch:
    """What is to be different; None keeps what there is. Metadata replace what the client proved itself with."""

    name: str | None = None
    scopes: tuple[str, ...] | None = None
    method: Method | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    merchant_ids: Sequence[UUID] | None = None
    networks: Sequence[IPv4Network | IPv6Network] | None = None
    token_binding: TokenBinding | None = None
    binding_certificates: Sequence[str] | None = None

    def wanted(self) -> dict[str, Any]:
        """What it says of each field that has a column of its own, by the name of the API's member."""
        return {
            "name": self.name,
            "scopes": self.scopes,
            "token_endpoint_auth_method": self.method,
            "merchant_ids": self.merchant_ids,
            "networks": self.networks,
            "token_binding": self.token_binding,
            "token_binding_certificates": self.binding_certificates,
        }

    def changed(self) -> list[str]:
        """The names of the fields that it changes."""
        return [*(name for name, value in self.wanted().items() if value is not None), *self.metadata]
